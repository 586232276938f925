package outridertest

import (
	"math"
	"testing"

	outrider "outrider.dev/scorer"
)

// Contract checks what every scorer keeps to, wherever it runs, in a subtest each.
func Contract(t *testing.T, scorer outrider.Scorer, parameters any) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.title, func(t *testing.T) { rule.check(t, Open(t, scorer, parameters)) })
	}
}

var rules = []struct {
	title string
	check func(t testing.TB, plugin *Plugin)
}{
	{"scores every candidate in [0, 1], or abstains", func(t testing.TB, plugin *Plugin) {
		checkScores(t, plugin.Score(busyCall(20)))
	}},
	{"scores a single candidate", func(t testing.TB, plugin *Plugin) {
		checkScores(t, plugin.Score(busyCall(1)))
	}},
	{"gives one answer to one call, however often it is asked", func(t testing.TB, plugin *Plugin) {
		first, second := plugin.Score(busyCall(12)), plugin.Score(busyCall(12))
		for i := range first {
			if math.Float32bits(first[i]) != math.Float32bits(second[i]) {
				pair := []float32{first[i], second[i]}
				t.Errorf("candidate %d got %v in turn: learn from feedback only, and draw from Random", i, pair)
			}
		}
	}},
	{"abstains or scores, but does not fail, where nothing is known", func(t testing.TB, plugin *Plugin) {
		call := Call(Endpoint{}, Endpoint{}, Endpoint{})
		call.Request = outrider.RequestFacts{}
		checkScores(t, plugin.Score(call))
	}},
	{"takes values at the edges of what model servers report", func(t testing.TB, plugin *Plugin) {
		var pool []Endpoint
		for _, value := range []float32{0, 1, 1e9} {
			pool = append(pool, Endpoint{Values: Values{
				"waiting_requests": value, "running_requests": value, "kv_cache_usage": min(1, value),
				"kv_total_blocks": value, "inflight_requests": value,
			}})
		}
		checkScores(t, plugin.Score(Call(pool...)))
	}},
	{"goes on when endpoints leave, come and are replaced in their slot", func(t testing.TB, plugin *Plugin) {
		checkScores(t, plugin.Score(busyCall(3)))
		checkScores(t, plugin.Score(Call(Endpoint{ID: "pool/other"})))
		checkScores(t, plugin.Score(Call(Endpoint{ID: "pool/other", Incarnation: 1}, busyEndpoint(1))))
	}},
	{"goes on after feedback in any order, for calls it knows and others", func(t testing.TB, plugin *Plugin) {
		call := busyCall(4)
		checkScores(t, plugin.Score(call))
		for _, id := range []uint32{call.ID, call.ID, 4_000_000} {
			for _, detail := range details {
				plugin.Feedback(&outrider.FeedbackEvent{CallID: id, Slot: id % 10, AtMs: call.NowMs, Detail: detail})
			}
		}
		checkScores(t, plugin.Score(busyCall(4)))
	}},
}

var details = []outrider.FeedbackDetail{
	outrider.Picked{OwnScore: 0.5, TotalScore: 1, PromptTokens: 640, Picks: []outrider.PeerPick{{Profile: "default"}}},
	outrider.Progress{Chunks: 3, OutputTokens: 3, ElapsedMs: 60},
	outrider.Done{
		Cause: "ok", Status: 200, PromptTokens: 640, CachedTokens: 64, OutputTokens: 9, TTFTUs: 20_000, E2EMs: 200,
	},
	outrider.Done{Cause: "never_sent"},
}

// busyCall is about endpoints of which everything is known.
func busyCall(count int) *outrider.Call {
	pool := make([]Endpoint, count)
	for i := range pool {
		pool[i] = busyEndpoint(i)
	}
	call := Call(pool...)
	call.Seed = 7
	call.Request.SessionKey = "session-1"
	call.Request.PromptTokens = 640
	call.Request.PromptText = "You are a helpful assistant."
	call.Request.BlockSizeTokens = 64
	for i := range uint64(10) {
		call.Request.BlockHashes = append(call.Request.BlockHashes, (i+1)*0x9e3779b97f4a7c15)
	}
	return call
}

func busyEndpoint(i int) Endpoint {
	return Endpoint{
		Values: Values{
			"waiting_requests": float32(i * 7 % 11), "running_requests": float32(i * 5 % 13),
			"kv_cache_usage": float32(i*37%100) / 100, "kv_block_tokens": 16, "kv_total_blocks": 10_000,
			"max_adapters": 4, "inflight_requests": float32(i % 3), "inflight_prompt_tokens": float32(64 * i),
			"inflight_output_tokens": float32(16 * i),
		},
		Sets: map[string][]string{"models": {"llama-3-8b"}},
	}
}

func checkScores(t testing.TB, scores []float32) {
	t.Helper()
	for i, score := range scores {
		if score < 0 || score > 1 {
			t.Errorf("the score of candidate %d is %v: neither in [0, 1] nor an abstention (NaN)", i, score)
		}
	}
}
