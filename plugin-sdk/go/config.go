package outrider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ParseConfig reads `parameters:` over their defaults, strictly: its error joins a [Fault] for each parameter that C
// does not have and for each value that does not fit, with their paths. C is a struct with the tags of encoding/json.
func ParseConfig[C any](config json.RawMessage, defaults C) (C, error) {
	if isEmpty(config) {
		return defaults, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return defaults, Fault{Message: "is no JSON: " + err.Error()}
	}
	if faults := checkShape(value, reflect.TypeFor[C](), ""); len(faults) > 0 {
		return defaults, errors.Join(faults...)
	}
	parsed := defaults
	if err := json.Unmarshal(config, &parsed); err != nil {
		return defaults, Fault{Message: err.Error()}
	}
	return parsed, nil
}

// checkNoConfig refuses parameters of a type that takes none.
func checkNoConfig(config json.RawMessage) error {
	_, err := ParseConfig(config, struct{}{})
	return err
}

func isEmpty(config json.RawMessage) bool {
	trimmed := bytes.TrimSpace(config)
	return len(trimmed) == 0 || string(trimmed) == "null"
}

func checkShape(value any, want reflect.Type, path string) []error {
	if want.Kind() == reflect.Pointer {
		if value == nil {
			return nil
		}
		return checkShape(value, want.Elem(), path)
	}
	if reflect.PointerTo(want).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return checkLeaf(value, want, path)
	}
	switch found := value.(type) {
	case map[string]any:
		if want.Kind() == reflect.Struct || want.Kind() == reflect.Map {
			return checkObject(found, want, path)
		}
	case []any:
		if want.Kind() == reflect.Slice || want.Kind() == reflect.Array {
			return checkList(found, want, path)
		}
	}
	return checkLeaf(value, want, path)
}

func checkObject(object map[string]any, want reflect.Type, path string) []error {
	var faults []error
	fields := fieldsOf(want)
	for _, key := range slices.Sorted(maps.Keys(object)) {
		at := strings.TrimPrefix(path+"."+key, ".")
		if want.Kind() == reflect.Map {
			faults = append(faults, checkShape(object[key], want.Elem(), at)...)
		} else if field, ok := fields[key]; ok {
			faults = append(faults, checkShape(object[key], field, at)...)
		} else {
			faults = append(faults, Fault{Path: at, Message: unknownKey(fields)})
		}
	}
	return faults
}

func checkList(list []any, want reflect.Type, path string) []error {
	var faults []error
	for i, value := range list {
		faults = append(faults, checkShape(value, want.Elem(), fmt.Sprintf("%s[%d]", path, i))...)
	}
	return faults
}

func checkLeaf(value any, want reflect.Type, path string) []error {
	text, err := json.Marshal(value)
	if err == nil && (value != nil || want.Kind() == reflect.Interface) {
		err = json.Unmarshal(text, reflect.New(want).Interface())
		var mismatch *json.UnmarshalTypeError
		if err == nil {
			return nil
		}
		if !errors.As(err, &mismatch) {
			return []error{Fault{Path: path, Message: fmt.Sprintf("%s: %v", cut(string(text), messageBytes), err)}}
		}
	}
	message := fmt.Sprintf("is %s: write %s", cut(string(text), messageBytes), wordFor(want.Kind()))
	return []error{Fault{Path: path, Message: message}}
}

// fieldsOf is what a struct takes, by the names of encoding/json.
func fieldsOf(want reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	if want.Kind() != reflect.Struct {
		return fields
	}
	for _, field := range reflect.VisibleFields(want) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous && name == "" || !field.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		fields[name] = field.Type
	}
	return fields
}

func unknownKey(fields map[string]reflect.Type) string {
	if len(fields) == 0 {
		return "no parameters are taken here"
	}
	return "no such parameter; there are " + strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
}

func wordFor(kind reflect.Kind) string {
	switch kind {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	}
	return "a whole number"
}
