package outrider

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
)

// Largest state of all instances together, in bytes; part of the contract.
const maxHandoffBytes = 960 * 1024

// handedOff is what one instance has learned, with what it was made from.
type handedOff struct {
	Type, Config string
	State        []byte
}

// room is what it takes in a hand-off, with what gob adds to names and numbers.
func (h handedOff) room() int { return len(h.Type) + len(h.Config) + len(h.State) + 256 }

// collect asks all instances for what they have learned; empty where there is nothing.
func collect(ctx context.Context, instances []*bound) ([]byte, error) {
	var all []handedOff
	size := 0
	var dropped error
	for _, b := range instances {
		state := b.handoff(ctx)
		if state == nil {
			continue
		}
		entry := handedOff{b.definition.spec.Type, b.config, state}
		size += entry.room()
		if size > maxHandoffBytes {
			fault := fmt.Errorf("%s: %d bytes of state do not fit into a hand-off", entry.Type, len(state))
			dropped = errors.Join(dropped, fault)
			size -= entry.room()
			continue
		}
		all = append(all, entry)
	}
	if len(all) == 0 {
		return nil, dropped
	}
	var buffer bytes.Buffer
	if err := gob.NewEncoder(&buffer).Encode(all); err != nil {
		return nil, err
	}
	return buffer.Bytes(), dropped
}

// restore gives each instance what one of its type has handed over, by preference one of the same parameters. What
// comes before there are instances waits for them.
func (h *host) restore(handoff []byte) {
	h.handoff = nil
	if len(handoff) == 0 {
		return
	}
	if len(h.bound) == 0 {
		h.handoff = handoff
		return
	}
	var all []handedOff
	if err := gob.NewDecoder(bytes.NewReader(handoff)).Decode(&all); err != nil {
		h.plugin.log.Error("the hand-off of the generation before cannot be read", "error", err)
		return
	}
	for _, isFit := range []func(b *bound, entry handedOff) bool{
		func(b *bound, entry handedOff) bool { return b.config == entry.Config },
		func(*bound, handedOff) bool { return true },
	} {
		all = h.give(all, isFit)
	}
}

// give returns what nobody took.
func (h *host) give(all []handedOff, isFit func(*bound, handedOff) bool) []handedOff {
	var left []handedOff
	for _, entry := range all {
		taken := false
		for _, b := range h.inOrder() {
			if b.definition.spec.Type == entry.Type && isFit(b, entry) && b.isRestored.CompareAndSwap(false, true) {
				b.restore(entry.State)
				taken = true
				break
			}
		}
		if !taken {
			left = append(left, entry)
		}
	}
	return left
}
