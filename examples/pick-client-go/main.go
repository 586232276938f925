// Asks Outrider where a request should go, sends it there, and says what became of it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

const path = "/v1/chat/completions"

type header struct{ Name, Value string }

type pick struct {
	DecisionID string `json:"decisionId"`
	Endpoints  []string
	Headers    []header
	Body       []byte // to send where that is not the client's; Base64 on the wire, as encoding/json has it
}

type answer struct {
	Usage struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
	}
}

// post returns the status and the body of the answer.
func post(client *http.Client, url string, body []byte, headers []header) (int, []byte, error) {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("content-type", "application/json")
	for _, h := range headers {
		request.Header.Set(h.Name, h.Value)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, text, err
}

// call asks the picker; a refusal ends the program.
func call(host, method string, message any, out any) {
	body, err := json.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Timeout: 2 * time.Second}
	status, text, err := post(client, host+"/outrider.picker.v1.PickerService/"+method, body, nil)
	if err != nil || status != http.StatusOK {
		log.Fatalf("refused: %s %v", text, err)
	}
	if err := json.Unmarshal(text, out); err != nil {
		log.Fatal(err)
	}
}

func main() {
	host, model := "http://127.0.0.1:9005", "m"
	if len(os.Args) > 1 {
		host = os.Args[1]
	}
	if len(os.Args) > 2 {
		model = os.Args[2]
	}
	body, _ := json.Marshal(map[string]any{
		"model": model, "messages": []any{map[string]string{"role": "user", "content": "Hello"}}, "max_tokens": 16,
	})
	started := time.Now()
	var picked pick
	call(host, "Pick", map[string]any{"path": path, "body": body}, &picked)
	if picked.Body != nil {
		body = picked.Body
	}
	for _, endpoint := range picked.Endpoints { // the first that takes the connection answers
		status, text, err := post(http.DefaultClient, "http://"+endpoint+path, body, picked.Headers)
		if err != nil {
			continue
		}
		var told answer
		_ = json.Unmarshal(text, &told)
		call(host, "Complete", map[string]any{
			"decisionId": picked.DecisionID, "status": status, "served": endpoint,
			"usage": map[string]int{"promptTokens": told.Usage.PromptTokens, "outputTokens": told.Usage.CompletionTokens},
			"e2eMs": float64(time.Since(started).Microseconds()) / 1000,
		}, &struct{}{})
		fmt.Printf("decision %s endpoint %s status %d\n", picked.DecisionID, endpoint, status)
		return
	}
	call(host, "Complete", map[string]any{"decisionId": picked.DecisionID, "cause": "upstream_error"}, &struct{}{})
	log.Fatalf("no endpoint of %v takes a connection", picked.Endpoints)
}
