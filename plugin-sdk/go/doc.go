// Package outrider serves scorers and producers to Outrider, the endpoint picker, from a process written in Go.
//
// A scorer rates the candidates of a request in [0, 1]. Outrider asks it, with the others, for every request it routes,
// combines what they say by weight, and goes on without whoever is late.
//
//	outrider.Serve(outrider.Scorer{
//		Type:  "short-queue",
//		Needs: []string{"waiting_requests"},
//		Score: func(call *outrider.Call, scores []float32) error {
//			waiting := call.Column("waiting_requests")
//			for i, slot := range call.Candidates {
//				scores[i] = 1 - min(waiting[slot]/16, 1)
//			}
//			return nil
//		},
//	})
//
// Time and randomness of a decision come with the call, as [Call.NowMs] and [Call.Random]; what reads others does not
// run again as it ran. Package outridertest has what tests of a scorer need.
package outrider

//go:generate buf generate
