package outrider

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	"outrider.dev/scorer/gen/outrider/scorer/v1/scorerv1connect"
)

// Server serves definitions from this process; everything but these has a default.
type Server struct {
	// Definitions are the types that are served.
	Definitions []Definition
	// Name of the plugin, for logs; default its first type.
	Name string
	// Version of the plugin, semantic versioning; default `0.0.0`.
	Version string
	// Address to listen on, `unix:PATH` or `HOST:PORT`; default the socket OUTRIDER_PLUGIN_SOCKET, or PORT on loopback.
	Address string
	// Token that a host must send; default OUTRIDER_PLUGIN_TOKEN. Empty: none is asked for. Health is answered without.
	Token string
	// TLS of a plugin that is reached over a network; default none.
	TLS *tls.Config
	// Logger tells the operator; default slog.Default, which writes to standard error.
	Logger *slog.Logger
}

// Largest message of the contract, in bytes.
const maxFrameBytes = 1024 * 1024

// Receive window: a host brings whole tables of endpoints.
const windowBytes = 4 * maxFrameBytes

// Longest wait for calls to finish when the process ends.
const finishTime = 2 * time.Second

// Longest wait for hosts to take their leave.
const goodbyeTime = 500 * time.Millisecond

// Serve serves definitions to a host until the process is asked to end: by SIGTERM or an interrupt, or with the host
// that started it. The environment says where to listen and who may call. It returns nil when it ended in order.
func Serve(definitions ...Definition) error {
	return (&Server{Definitions: definitions}).Run(context.Background())
}

// Run serves as [Serve] does, and ends with ctx too.
func (s *Server) Run(ctx context.Context) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.token() != "" && isPipe(os.Stdin) {
		go untilEnd(os.Stdin, cancel)
	}
	return s.ServeListener(ctx, listener)
}

// ServeListener serves on a listener, which it closes, until ctx ends. Calls that are being worked on are finished, for
// two seconds at most.
func (s *Server) ServeListener(ctx context.Context, listener net.Listener) error {
	defer listener.Close()
	log := s.Logger
	if log == nil {
		log = slog.Default()
	}
	version := s.Version
	if version == "" {
		version = "0.0.0"
	}
	p, err := newPlugin(s.Name, version, s.Definitions, log)
	if err != nil {
		return err
	}
	health := grpchealth.NewStaticChecker(scorerv1connect.ScorerServiceName)
	server := newHTTPServer(p, health, s.token())
	failed := make(chan error, 1)
	go func() {
		if s.TLS == nil {
			failed <- server.Serve(listener)
			return
		}
		server.TLSConfig = s.TLS
		failed <- server.ServeTLS(listener, "", "")
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	health.SetStatus(scorerv1connect.ScorerServiceName, grpchealth.StatusNotServing)
	health.SetStatus("", grpchealth.StatusNotServing)
	return shutDown(p, server)
}

func (s *Server) token() string {
	if s.Token != "" {
		return s.Token
	}
	return os.Getenv("OUTRIDER_PLUGIN_TOKEN")
}

// shutDown finishes the calls there are and takes leave of all hosts.
func shutDown(p *plugin, server *http.Server) error {
	for _, session := range p.openSessions() {
		session.sendHealth(false, "the plugin ends")
	}
	for end := time.Now().Add(finishTime); p.load() > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	for _, session := range p.openSessions() {
		session.end(connect.CodeUnavailable, "the plugin ends")
	}
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(ignoreDeadline(err), server.Close())
	}
	return nil
}

func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func newHTTPServer(p *plugin, health grpchealth.Checker, token string) *http.Server {
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(maxFrameBytes), connect.WithCompression("gzip", nil, nil),
	}
	mux := http.NewServeMux()
	path, scorer := scorerv1connect.NewScorerServiceHandler(&handler{plugin: p}, options...)
	mux.Handle(path, withToken(token, scorer))
	mux.Handle(grpchealth.NewHandler(health, options...))
	reflector := grpcreflect.NewStaticReflector(scorerv1connect.ScorerServiceName, grpchealth.HealthV1ServiceName)
	mux.Handle(grpcreflect.NewHandlerV1(reflector, options...))
	mux.Handle(grpcreflect.NewHandlerV1Alpha(reflector, options...))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:   mux,
		Protocols: protocols,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerConnection: windowBytes, MaxReceiveBufferPerStream: windowBytes,
		},
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
}

// withToken lets those through who bring the token.
func withToken(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	refusals := connect.NewErrorWriter()
	want := []byte("Bearer " + token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		refusal := connect.NewError(connect.CodeUnauthenticated, errors.New("the token is not mine"))
		if err := refusals.Write(w, r, refusal); err != nil {
			http.Error(w, refusal.Message(), http.StatusUnauthorized)
		}
	})
}
