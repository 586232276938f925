package outrider

import (
	"encoding/json"
	"reflect"
	"testing"
)

type rule struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
}

type testConfig struct {
	Saturation float64          `json:"saturation"`
	Blocks     uint32           `json:"blocks"`
	Rules      []rule           `json:"rules"`
	Limits     map[string]int   `json:"limits"`
	Nested     *struct{ A int } `json:"nested"`
}

func TestParseConfigNamesEachFaultByItsPath(t *testing.T) {
	cases := map[string][]Fault{
		`{`:                      {{"", "is no JSON: unexpected EOF"}},
		`[1]`:                    {{"", "is [1]: write an object"}},
		`{"saturation": "x"}`:    {{"saturation", `is "x": write a number`}},
		`{"saturation": null}`:   {{"saturation", "is null: write a number"}},
		`{"blocks": -1}`:         {{"blocks", "is -1: write a whole number from 0"}},
		`{"nested": {"A": 1.5}}`: {{"nested.A", "is 1.5: write a whole number"}},
		`{"satruation": 1}`: {
			{"satruation", "no such parameter; there are blocks, limits, nested, rules, saturation"},
		},
		`{"rules": [{"name": "a"}, {"name": 1, "wait": 2}], "limits": {"a": true}}`: {
			{"limits.a", "is true: write a whole number"},
			{"rules[1].name", "is 1: write a text"},
			{"rules[1].wait", "no such parameter; there are name, weight"},
		},
	}
	for config, want := range cases {
		_, err := ParseConfig(json.RawMessage(config), testConfig{})
		if err == nil {
			t.Errorf("%s is accepted", config)
		} else if got := faultsOf(err); !reflect.DeepEqual(got, want) {
			t.Errorf("%s has the faults %q, want %q", config, got, want)
		}
	}
}

func TestParseConfigKeepsDefaultsOfWhatIsNotWritten(t *testing.T) {
	defaults := testConfig{Saturation: 16, Blocks: 4}
	for config, want := range map[string]testConfig{
		``:                      defaults,
		`null`:                  defaults,
		`{}`:                    defaults,
		`{"saturation": 8}`:     {Saturation: 8, Blocks: 4},
		`{"limits": {"a": 12}}`: {Saturation: 16, Blocks: 4, Limits: map[string]int{"a": 12}},
	} {
		got, err := ParseConfig(json.RawMessage(config), defaults)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v (%v), want %+v", config, got, err, want)
		}
	}
}

func TestATypeWithoutParametersTakesNone(t *testing.T) {
	if err := checkNoConfig(json.RawMessage(`{}`)); err != nil {
		t.Error(err)
	}
	err := checkNoConfig(json.RawMessage(`{"saturation": 1}`))
	if err == nil || err.Error() != "saturation: no parameters are taken here" {
		t.Errorf("got %v", err)
	}
}
