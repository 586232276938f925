package outrider

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
	"outrider.dev/scorer/gen/outrider/scorer/v1/scorerv1connect"
)

// served runs a server on a socket until the test ends; what stops it returns how it ended.
func served(t *testing.T, server *Server) (address string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Logger = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.ServeListener(ctx, listener) }()
	stop = func() error {
		cancel()
		select {
		case err := <-done:
			done <- err
			return err
		case <-time.After(20 * time.Second):
			t.Error("it does not end")
			return nil
		}
	}
	t.Cleanup(func() { _ = stop() })
	return listener.Addr().String(), stop
}

// h2c is a client that speaks HTTP/2 without being asked to.
func h2c() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: protocols}}
}

var scorerClient = scorerv1connect.NewScorerServiceClient

func TestSessionSpeaksGRPCOverHTTP2InTheClear(t *testing.T) {
	address, stop := served(t, &Server{Definitions: []Definition{halves}})
	stream := scorerClient(h2c(), "http://"+address, connect.WithGRPC()).Session(t.Context())
	hello := &scorerv1.SessionRequest_Hello{Hello: &scorerv1.HandshakeRequest{HostInstance: "h"}}
	if err := stream.Send(&scorerv1.SessionRequest{Frame: hello}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Receive()
	if err != nil || answer.GetHello().GetPlugin() != "halves" || answer.GetHello().GetPluginVersion() != "0.0.0" {
		t.Fatalf("it greets with %v (%v)", answer, err)
	}
	go stop()
	if answer, err = stream.Receive(); err != nil || answer.GetHealth() == nil || answer.GetHealth().Ready {
		t.Errorf("when it ends it says %v (%v)", answer, err)
	}
	if _, err = stream.Receive(); connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("it ends with %v", err)
	}
}

func TestTheReplicatedProfileByUnaryCalls(t *testing.T) {
	address, _ := served(t, &Server{Definitions: []Definition{counting, halves}})
	client := scorerClient(http.DefaultClient, "http://"+address)
	ctx := t.Context()
	_, early := client.Score(ctx, connect.NewRequest(call(1, 1, 1)))
	if connect.CodeOf(early) != connect.CodeFailedPrecondition {
		t.Errorf("before the handshake: %v", early)
	}
	if _, err := client.Handshake(ctx, connect.NewRequest(&scorerv1.HandshakeRequest{HostInstance: "h"})); err != nil {
		t.Fatal(err)
	}
	configured, err := client.Configure(ctx, connect.NewRequest(&scorerv1.ConfigureRequest{
		Instances: []*scorerv1.Instance{{Id: 1, Type: "counting"}, {Id: 2, Type: "halves"}},
		Columns:   []*scorerv1.Column{{Id: 1, Key: "waiting_requests"}, {Id: 2, Key: "inflight_requests"}},
	}))
	if err != nil || len(configured.Msg.Errors) > 0 {
		t.Fatalf("it is configured with %v (%v)", configured, err)
	}
	chunk := &scorerv1.PushStateRequest{
		Epoch: 4, ToRev: 1, Full: true, More: true, Upserts: []*scorerv1.Endpoint{endpoint(0, "a"), endpoint(1, "b")},
	}
	if ack, err := client.PushState(ctx, connect.NewRequest(chunk)); err != nil || ack.Msg.Epoch != 0 {
		t.Errorf("a chunk is answered with %v (%v)", ack, err)
	}
	last := &scorerv1.PushStateRequest{
		Epoch: 4, ToRev: 1, Full: true, Columns: []*scorerv1.ColumnData{{Column: 1, Values: []float32{1, 0.5}}},
	}
	if ack, err := client.PushState(ctx, connect.NewRequest(last)); err != nil || ack.Msg.Rev != 1 ||
		ack.Msg.Nack != nil {
		t.Errorf("a step is answered with %v (%v)", ack, err)
	}
	feedback := &scorerv1.PushFeedbackRequest{Epoch: 4, Events: []*scorerv1.FeedbackEvent{picked(1)}}
	if _, err := client.PushFeedback(ctx, connect.NewRequest(feedback)); err != nil {
		t.Error(err)
	}
	for instance, want := range map[uint32][]float32{1: {0, 1}, 2: {0.5, 0.25}} {
		request := call(7, 4, 1)
		request.Instance = instance
		answer, err := client.Score(ctx, connect.NewRequest(request))
		if err != nil || !reflect.DeepEqual(answer.Msg.Scores, want) || answer.Msg.CallId != 7 {
			t.Errorf("instance %d answers %v (%v)", instance, answer, err)
		}
	}
	answer, err := client.Score(ctx, connect.NewRequest(call(1, 5, 1)))
	if err != nil || answer.Msg.Error.GetCode() != codePrecondition || answer.Msg.Error.HaveEpoch != 4 {
		t.Errorf("a call of another epoch is answered with %v (%v)", answer, err)
	}
}

func post(t *testing.T, url, token, body string) (status int, text string, header http.Header) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Encoding", "gzip")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(read), response.Header
}

func TestTheBasicProfileInJSON(t *testing.T) {
	address, _ := served(t, &Server{Definitions: []Definition{halves}})
	path := "http://" + address + "/outrider.scorer.v1.ScorerService/Score"
	body := `{"callId":3,"endpoints":[{"metrics":{"waiting_requests":0.5}},{}],"unheardOf":1}`
	status, text, header := post(t, path, "", body)
	var answer struct {
		CallID  uint32
		Scores  []float32
		Abstain string
	}
	err := json.Unmarshal([]byte(text), &answer)
	if status != 200 || err != nil || answer.CallID != 3 || !reflect.DeepEqual(answer.Scores, []float32{0.25, 0}) ||
		answer.Abstain != "Ag==" {
		t.Errorf("it answers %d %s", status, text)
	}
	if header.Get("Content-Encoding") != "" {
		t.Errorf("it is compressed: %v", header)
	}
	large := `{"endpoints":[` + strings.Repeat(`{},`, maxSlots) + `{}]}`
	if status, text, _ := post(t, path, "", large); status != 400 {
		t.Errorf("more endpoints than there are slots are answered with %d %s", status, text)
	}
}

func TestOnlyWhoHasTheTokenIsServedButHealthIsTold(t *testing.T) {
	address, _ := served(t, &Server{Definitions: []Definition{halves}, Token: "secret"})
	score := "http://" + address + "/outrider.scorer.v1.ScorerService/Score"
	for token, want := range map[string]int{"": 401, "secre": 401, "secrets": 401, "secret": 200} {
		if status, text, _ := post(t, score, token, `{"endpoints":[{}]}`); status != want {
			t.Errorf("with the token %q it answers %d %s", token, status, text)
		}
	}
	stream := scorerClient(h2c(), "http://"+address, connect.WithGRPC()).Session(t.Context())
	_ = stream.Send(&scorerv1.SessionRequest{})
	if _, err := stream.Receive(); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("a Session without it ends with %v", err)
	}
	health := "http://" + address + "/grpc.health.v1.Health/Check"
	states := map[string]string{"": "SERVING", "outrider.scorer.v1.ScorerService": "SERVING", "x": "not_found"}
	for service, want := range states {
		if _, text, _ := post(t, health, "", `{"service":"`+service+`"}`); !strings.Contains(text, want) {
			t.Errorf("the health of %q is %s", service, text)
		}
	}
}

func TestRunningCallsAreFinishedWhenItEnds(t *testing.T) {
	g, definition := newGate(1)
	address, stop := served(t, &Server{Definitions: []Definition{definition}})
	answered := make(chan error, 1)
	go func() {
		client := scorerClient(http.DefaultClient, "http://"+address)
		request := &scorerv1.ScoreRequest{Endpoints: []*scorerv1.Endpoint{{}}}
		_, err := client.Score(context.Background(), connect.NewRequest(request))
		answered <- err
	}()
	<-g.begun
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	close(g.let)
	if err := <-answered; err != nil {
		t.Errorf("the call ends with %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ends with %v", err)
	}
}

func TestTLS(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	address, _ := served(t, &Server{
		Definitions: []Definition{halves}, TLS: &tls.Config{Certificates: certified.TLS.Certificates},
	})
	transport := certified.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	client := scorerClient(&http.Client{Transport: transport}, "https://"+address, connect.WithGRPC())
	stream := client.Session(t.Context())
	hello := &scorerv1.SessionRequest_Hello{Hello: &scorerv1.HandshakeRequest{}}
	_ = stream.Send(&scorerv1.SessionRequest{Frame: hello})
	if answer, err := stream.Receive(); err != nil || answer.GetHello() == nil {
		t.Errorf("it greets with %v (%v)", answer, err)
	}
}

func TestWhereItListens(t *testing.T) {
	t.Setenv("OUTRIDER_PLUGIN_SOCKET", "")
	t.Setenv("PORT", "")
	server := &Server{}
	if _, err := server.listen(); err == nil || !strings.Contains(err.Error(), "nowhere to listen") {
		t.Errorf("without an address: %v", err)
	}
	t.Setenv("PORT", "0")
	byPort, err := server.listen()
	if err != nil || !strings.HasPrefix(byPort.Addr().String(), "127.0.0.1:") {
		t.Fatalf("it listens on %v (%v)", byPort, err)
	}
	byPort.Close()
	path := filepath.Join(t.TempDir(), "s")
	t.Setenv("OUTRIDER_PLUGIN_SOCKET", path)
	bySocket, err := server.listen()
	if err != nil || bySocket.Addr().String() != path {
		t.Fatalf("it listens on %v (%v)", bySocket, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is open to %v (%v)", info.Mode(), err)
	}
	if second, err := (&Server{Address: "unix:" + path}).listen(); err == nil {
		t.Errorf("a socket that is answered is taken away: %v", second)
	}
	bySocket.(*net.UnixListener).SetUnlinkOnClose(false)
	bySocket.Close()
	again, err := server.listen()
	if err != nil {
		t.Fatalf("a socket that was left behind is in the way: %v", err)
	}
	again.Close()
}

func TestStandardInputOfAHostIsAPipe(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if isPipe(file) || !isPipe(reader) {
		t.Error("a file is a pipe, or a pipe is none")
	}
	ended := make(chan struct{})
	go untilEnd(io.MultiReader(bytes.NewReader([]byte("x")), reader), func() { close(ended) })
	writer.Close()
	<-ended
}
