package outrider

import (
	"encoding/binary"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// RequestFacts is what is known of a request. Only what was granted is there, the rest is zero.
type RequestFacts struct {
	// Model is that asked of the model server; always there.
	Model string
	// LoRA is the adapter asked for.
	LoRA string
	// Priority of the objective, higher first.
	Priority int32
	// Objective is the name of what the request is served under.
	Objective string
	// FairnessID is the tenant that the request is accounted to.
	FairnessID string
	// SessionKey is what requests of one session share.
	SessionKey string
	// PinnedSlot is the endpoint that the client's session token names; nil: none, or it is gone.
	PinnedSlot *uint32
	// PromptTokens is the length of the prompt, counted or estimated; always there.
	PromptTokens uint32
	// PromptText is the prompt, at most as many bytes of it as were granted.
	PromptText string
	// TokenIDs of the prompt.
	TokenIDs []uint32
	// BlockHashes of the prefix blocks; each covers all blocks before it.
	BlockHashes []uint64
	// BlockSizeTokens is the size of these blocks.
	BlockSizeTokens uint32
	// Headers are those that were granted, names in lower case.
	Headers map[string]string
	// MaxOutputTokens is the cap that the client set; 0: none.
	MaxOutputTokens uint32
	// Stream says whether the answer is streamed.
	Stream bool
	// RequestID is as the gateway sends it.
	RequestID string
	// TTFTTargetMs and TPOTTargetMs are the SLO; 0: none.
	TTFTTargetMs, TPOTTargetMs uint32
}

// PeerPick is what another profile of the same request picked.
type PeerPick struct {
	// Profile is its name.
	Profile string
	// Slot of the endpoint.
	Slot uint32
}

func fromWireFacts(wire *scorerv1.RequestFacts) RequestFacts {
	return RequestFacts{
		Model:           wire.GetModel(),
		LoRA:            wire.GetLora(),
		Priority:        wire.GetPriority(),
		Objective:       wire.GetObjective(),
		FairnessID:      wire.GetFairnessId(),
		SessionKey:      wire.GetSessionKey(),
		PinnedSlot:      pinnedSlot(wire.GetPinnedSlotPlus_1()),
		PromptTokens:    wire.GetPromptTokens(),
		PromptText:      wire.GetPromptText(),
		TokenIDs:        words32(wire.GetTokenIdsU32Le()),
		BlockHashes:     words64(wire.GetBlockHashesU64Le()),
		BlockSizeTokens: wire.GetBlockSize(),
		Headers:         wire.GetHeaders(),
		MaxOutputTokens: wire.GetMaxOutputTokens(),
		Stream:          wire.GetStream(),
		RequestID:       wire.GetRequestId(),
		TTFTTargetMs:    wire.GetSloTtftMs(),
		TPOTTargetMs:    wire.GetSloTpotMs(),
	}
}

func pinnedSlot(plus1 uint32) *uint32 {
	if plus1 == 0 {
		return nil
	}
	slot := plus1 - 1
	return &slot
}

func fromWirePeers(wire []*scorerv1.PeerPick) []PeerPick {
	if len(wire) == 0 {
		return nil
	}
	peers := make([]PeerPick, len(wire))
	for i, peer := range wire {
		peers[i] = PeerPick{Profile: peer.Profile, Slot: peer.Slot}
	}
	return peers
}

func words32(bytes []byte) []uint32 {
	if len(bytes) < 4 {
		return nil
	}
	words := make([]uint32, len(bytes)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(bytes[4*i:])
	}
	return words
}

func words64(bytes []byte) []uint64 {
	if len(bytes) < 8 {
		return nil
	}
	words := make([]uint64, len(bytes)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(bytes[8*i:])
	}
	return words
}
