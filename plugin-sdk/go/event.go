package outrider

import (
	"math"
	"slices"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// FeedbackEvent is what became of the request behind one call. Per call and in this order: at most one [Picked], at
// most one [Headers], any number of [Progress], exactly one [Done].
type FeedbackEvent struct {
	// CallID is [Call.ID].
	CallID uint32
	// Slot that got the request; of no meaning where it was never sent.
	Slot uint32
	// AtMs is the host's clock at the event, ms since the Unix epoch.
	AtMs float64
	// Detail is a Picked, Headers, Progress or Done.
	Detail FeedbackDetail
}

// FeedbackDetail is one of [Picked], [Headers], [Progress] and [Done].
type FeedbackDetail interface{ isFeedbackDetail() }

// Picked says that the request is about to be sent. Granted by `events.picked`.
type Picked struct {
	// OwnScore is what this instance had given the slot; NaN where it gave nothing.
	OwnScore float32
	// TotalScore is the slot's total over all scorers.
	TotalScore float32
	// Fallback says that the pick was made without this instance's answer.
	Fallback bool
	// PromptTokens is the length of the prompt, counted or estimated.
	PromptTokens uint32
	// Picks are those of all profiles of the request.
	Picks []PeerPick
}

// Headers says that the response has begun. Granted by `events.headers`.
type Headers struct {
	// Status of HTTP.
	Status uint32
	// TTFBUs is from request sent to first byte of the response, in µs.
	TTFBUs uint32
	// Headers that were granted, names in lower case.
	Headers map[string]string
}

// Progress says that the response goes on; cumulative. Granted by `events.progress`.
type Progress struct {
	// Chunks so far.
	Chunks uint32
	// OutputTokens so far, counted or estimated.
	OutputTokens uint32
	// ElapsedMs is the time since the request was sent.
	ElapsedMs uint32
}

// Done says that the request is over. Granted by `events.done`, or by any other event.
type Done struct {
	// Cause is `ok`, `client_cancelled`, `upstream_error`, `never_sent`, `evicted` or `unknown`.
	Cause string
	// Status of HTTP; 0: none was seen.
	Status uint32
	// PromptTokens by the model server's count; 0: it said none.
	PromptTokens uint32
	// CachedTokens of these were found in its prefix cache; 0: it said none.
	CachedTokens uint32
	// OutputTokens by its count, or estimated.
	OutputTokens uint32
	// TTFTUs is the time to first token, in µs; 0: none was seen.
	TTFTUs uint32
	// E2EMs is from request received to end of response.
	E2EMs uint32
	// BlockHashes of the prefix blocks that the answer completes behind those of the prompt, as the next turn's prompt has
	// them. Granted by `events.answer_blocks`, beside `request.block_hashes`.
	BlockHashes []uint64
}

func (Picked) isFeedbackDetail()   {}
func (Headers) isFeedbackDetail()  {}
func (Progress) isFeedbackDetail() {}
func (Done) isFeedbackDetail()     {}

var causes = []string{"ok", "client_cancelled", "upstream_error", "never_sent", "evicted", "unknown"}

// fromWireEvent is nil for a kind that is not known here.
func fromWireEvent(wire *scorerv1.FeedbackEvent) *FeedbackEvent {
	detail := fromWireDetail(wire)
	if detail == nil {
		return nil
	}
	return &FeedbackEvent{CallID: wire.CallId, Slot: wire.Slot, AtMs: wire.AtMs, Detail: detail}
}

func fromWireDetail(wire *scorerv1.FeedbackEvent) FeedbackDetail {
	switch event := wire.Event.(type) {
	case *scorerv1.FeedbackEvent_Picked:
		own := float32(math.NaN())
		if event.Picked.OwnScore != nil {
			own = *event.Picked.OwnScore
		}
		p := event.Picked
		return Picked{own, p.TotalScore, p.Fallback, p.PromptTokens, fromWirePeers(p.Picks)}
	case *scorerv1.FeedbackEvent_Headers:
		return Headers{event.Headers.Status, event.Headers.TtfbUs, event.Headers.Headers}
	case *scorerv1.FeedbackEvent_Progress:
		return Progress{event.Progress.Chunks, event.Progress.OutputTokens, event.Progress.ElapsedMs}
	case *scorerv1.FeedbackEvent_Done:
		return fromWireDone(event.Done)
	}
	return nil
}

func fromWireDone(wire *scorerv1.Done) Done {
	cause := wire.Cause
	if !slices.Contains(causes, cause) {
		cause = "unknown"
	}
	return Done{
		Cause:        cause,
		Status:       wire.Status,
		PromptTokens: wire.PromptTokens,
		CachedTokens: wire.CachedTokens,
		OutputTokens: wire.OutputTokens,
		TTFTUs:       wire.TtftUs,
		E2EMs:        wire.E2EMs,
		BlockHashes:  words64(wire.BlockHashesU64Le),
	}
}
