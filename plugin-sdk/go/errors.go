package outrider

import (
	"context"
	"errors"
	"strings"
	"time"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

var errEventsDropped = errors.New("events came faster than they were taken; some are dropped")

// ErrUnavailable as what Score returns says that the scorer cannot answer now; the host connects anew.
var ErrUnavailable = errors.New("unavailable")

// BusyError as what Score returns says that the scorer has too much to do.
type BusyError struct {
	// RetryAfter is how long the host should leave the plugin alone; 0: as long as it likes.
	RetryAfter time.Duration
}

// Error implements error.
func (e BusyError) Error() string { return "too busy" }

// Fault is one thing wrong with `parameters:`. Join several with [errors.Join], so that all are told at once.
type Fault struct {
	// Path is the JSON path, such as `rules[2].name`; empty: the whole.
	Path string
	// Message says what is wrong with which value, and what to write instead.
	Message string
}

// Error implements error.
func (f Fault) Error() string {
	if f.Path == "" {
		return f.Message
	}
	return f.Path + ": " + f.Message
}

// faultsOf takes apart what New returned.
func faultsOf(err error) []Fault {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var faults []Fault
		for _, part := range joined.Unwrap() {
			faults = append(faults, faultsOf(part)...)
		}
		return faults
	}
	var fault Fault
	if errors.As(err, &fault) {
		return []Fault{fault}
	}
	return []Fault{{Message: "could not be created: " + err.Error()}}
}

// Connect codes that the contract names.
const (
	codeDeadline     = "deadline_exceeded"
	codeInternal     = "internal"
	codeInvalid      = "invalid_argument"
	codePrecondition = "failed_precondition"
	codeExhausted    = "resource_exhausted"
	codeUnavailable  = "unavailable"
)

// Longest message of an error, in bytes.
const messageBytes = 200

// toCallError is what the host is told of an error.
func toCallError(err error) *scorerv1.CallError {
	answer := &scorerv1.CallError{Code: codeInternal, Message: cut(err.Error(), messageBytes)}
	var busy BusyError
	switch {
	case errors.As(err, &busy):
		answer.Code = codeExhausted
		answer.RetryAfterMs = uint32(busy.RetryAfter.Milliseconds())
	case errors.Is(err, ErrUnavailable):
		answer.Code = codeUnavailable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		answer.Code = codeDeadline
	}
	return answer
}

// cut shortens a text to whole characters within so many bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return strings.ToValidUTF8(text, "")
	}
	return strings.ToValidUTF8(text[:most], "")
}
