package report

import (
	"math"
	"reflect"
	"time"

	"twaudit/internal/audit"
)

// tidied is tidy for a host, which is returned as it is when it is tidy.
func tidied(h *audit.HostResult) *audit.HostResult {
	if isTidy(reflect.ValueOf(h).Elem()) {
		return h
	}
	copied := tidy(*h)
	return &copied
}

// isTidy reports whether tidy would change nothing that JSON shows. Nearly all
// hosts are, and looking costs a tenth of copying, which for a large fleet would
// be most of the time that the page takes.
func isTidy(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Float64:
		return !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0)
	case reflect.Pointer:
		return v.IsNil() || isTidy(v.Elem())
	case reflect.Struct:
		return isTidyStruct(v)
	case reflect.Slice:
		for i := range v.Len() {
			if !isTidy(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		if !mayBeUntidy(v.Type().Elem()) {
			return true
		}
		for entries := v.MapRange(); entries.Next(); {
			if !isTidy(entries.Value()) {
				return false
			}
		}
	}
	return true
}

// mayBeUntidy spares the large maps of counters and settings.
func mayBeUntidy(t reflect.Type) bool { return t.Kind() != reflect.Int64 && t.Kind() != reflect.String }

// optionalFields says of each struct below a host which of its fields are optional.
// Reading that from the tags each time would cost more than all the rest of looking.
var optionalFields = readOptional(reflect.TypeFor[audit.HostResult](), map[reflect.Type][]bool{})

func readOptional(t reflect.Type, into map[reflect.Type][]bool) map[reflect.Type][]bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return readOptional(t.Elem(), into)
	case reflect.Struct:
		if into[t] != nil || t == reflect.TypeFor[time.Time]() {
			return into
		}
		into[t] = make([]bool, t.NumField())
		for i := range t.NumField() {
			into[t][i] = optional(t.Field(i))
			readOptional(t.Field(i).Type, into)
		}
	}
	return into
}

func isTidyStruct(v reflect.Value) bool {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return hasRFC3339(v.Interface().(time.Time))
	}
	for i, isOptional := range optionalFields[v.Type()] {
		field := v.Field(i)
		if kind := field.Kind(); !isOptional && (kind == reflect.Slice || kind == reflect.Map) && field.IsNil() {
			return false
		}
		if !isTidy(field) {
			return false
		}
	}
	return true
}
