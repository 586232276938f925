package outrider

import (
	"sync"

	"google.golang.org/protobuf/proto"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// A frame of answers is closed beyond this, in bytes.
const fullFrameBytes = 128 * 1024

// Largest answer to one call, in bytes; a frame of the contract holds 1 MiB.
const mostAnswerBytes = 1000 * 1024

// Frames and answers that may wait for a host that does not read them.
const mostWaitingFrames = 16_384

// outbox holds what is to be sent on one stream. Answers that gather while a frame is written travel together in the
// next.
type outbox struct {
	mu      sync.Mutex
	answers []*scorerv1.ScoreResponse
	frames  []*scorerv1.SessionResponse
	// Holds one when there is something to send.
	wake chan struct{}
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// answer adds an answer; false where too much waits.
func (o *outbox) answer(answer *scorerv1.ScoreResponse) bool {
	o.mu.Lock()
	o.answers = append(o.answers, answer)
	isFull := len(o.answers)+len(o.frames) > mostWaitingFrames
	o.mu.Unlock()
	o.signal()
	return !isFull
}

// send adds a frame; all answers that came before it are sent before it.
func (o *outbox) send(frame *scorerv1.SessionResponse) bool {
	o.mu.Lock()
	o.frames = append(o.frames, frame)
	isFull := len(o.answers)+len(o.frames) > mostWaitingFrames
	o.mu.Unlock()
	o.signal()
	return !isFull
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take empties the box.
func (o *outbox) take() []*scorerv1.SessionResponse {
	o.mu.Lock()
	answers, frames := o.answers, o.frames
	o.answers, o.frames = nil, nil
	o.mu.Unlock()
	return append(toFrames(answers), frames...)
}

func toFrames(answers []*scorerv1.ScoreResponse) []*scorerv1.SessionResponse {
	var frames []*scorerv1.SessionResponse
	var batch *scorerv1.ScoreBatchResult
	size := 0
	for _, answer := range answers {
		bytes := proto.Size(answer)
		if bytes > mostAnswerBytes {
			failure := &scorerv1.CallError{Code: codeInternal, Message: "its answer is larger than a frame"}
			answer = &scorerv1.ScoreResponse{
				CallId: answer.CallId, Epoch: answer.Epoch, Rev: answer.Rev, Error: failure,
			}
			bytes = proto.Size(answer)
		}
		if batch == nil || size+bytes > fullFrameBytes {
			batch, size = &scorerv1.ScoreBatchResult{}, 0
			frames = append(frames, &scorerv1.SessionResponse{Frame: &scorerv1.SessionResponse_Scores{Scores: batch}})
		}
		batch.Results = append(batch.Results, answer)
		size += bytes
	}
	return frames
}
