package report

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// tidy is a copy of v that JSON can hold and readers can rely on: lists
// and maps that the contract always shows are empty instead of nil, and a time
// or number that JSON has no form for, which a host may provoke with a clock in
// the year 12000, is absent instead of an error for the whole run.
func tidy[T any](v T) T {
	return tidyValue(reflect.ValueOf(v), nil).Interface().(T)
}

// tidyText is tidy with every string, also the keys of maps, put through clean.
func tidyText[T any](v T, clean func(string) string) T {
	return tidyValue(reflect.ValueOf(v), clean).Interface().(T)
}

// tidyValue copies by reflection instead of field by field: a field that is added to the
// vocabulary must not be able to miss being cleaned. It knows the kinds that the
// vocabulary uses; other kinds are copied as they are. Without clean text stays.
func tidyValue(v reflect.Value, clean func(string) string) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		if clean == nil {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		out.SetString(clean(v.String()))
		return out
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return reflect.Zero(v.Type())
		}
	case reflect.Pointer:
		return tidyPointer(v, clean)
	case reflect.Struct:
		return tidyStruct(v, clean)
	case reflect.Slice:
		return tidySlice(v, clean)
	case reflect.Map:
		return tidyMap(v, clean)
	}
	return v
}

// tidyPointer drops pointers to what has no JSON form: absent, not zero.
func tidyPointer(v reflect.Value, clean func(string) string) reflect.Value {
	if v.IsNil() {
		return v
	}
	switch value := v.Interface().(type) {
	case *float64:
		if math.IsNaN(*value) || math.IsInf(*value, 0) {
			return reflect.Zero(v.Type())
		}
	case *time.Time:
		if !hasRFC3339(*value) {
			return reflect.Zero(v.Type())
		}
	}
	out := reflect.New(v.Type().Elem())
	out.Elem().Set(tidyValue(v.Elem(), clean))
	return out
}

// hasRFC3339 says what time.Time's MarshalJSON would: the year must have four
// digits and the offset fewer than 24 hours.
func hasRFC3339(t time.Time) bool {
	_, offset := t.Zone()
	return t.Year() >= 0 && t.Year() < 10000 && offset > -24*3600 && offset < 24*3600
}

// tidyStruct gives a field that is no pointer the zero value where its own has no
// JSON form, and completes the lists and maps that are always there.
func tidyStruct(v reflect.Value, clean func(string) string) reflect.Value {
	if v.Type() == reflect.TypeFor[time.Time]() {
		if !hasRFC3339(v.Interface().(time.Time)) {
			return reflect.ValueOf(time.Time{})
		}
		return v
	}
	out := reflect.New(v.Type()).Elem()
	for i := range v.NumField() {
		field := tidyValue(v.Field(i), clean)
		if isList(field) && !optional(v.Type().Field(i)) {
			field = notNil(field)
		}
		out.Field(i).Set(field)
	}
	return out
}

// optional reports whether a field is left out of the JSON when it is empty.
// The others are the ones that readers always find.
func optional(field reflect.StructField) bool {
	return strings.Contains(field.Tag.Get("json"), ",omitempty")
}

// isPlain says that JSON has a form for every value of a type. Lists and maps of
// such are as they should be, and are shared with the copy.
func isPlain(t reflect.Type) bool { return t.Kind() == reflect.String || t.Kind() == reflect.Int64 }

func isList(v reflect.Value) bool { return v.Kind() == reflect.Slice || v.Kind() == reflect.Map }

func notNil(v reflect.Value) reflect.Value {
	switch {
	case v.Kind() == reflect.Slice && v.IsNil():
		return reflect.MakeSlice(v.Type(), 0, 0)
	case v.Kind() == reflect.Map && v.IsNil():
		return reflect.MakeMap(v.Type())
	}
	return v
}

func tidySlice(v reflect.Value, clean func(string) string) reflect.Value {
	if v.IsNil() || clean == nil && isPlain(v.Type().Elem()) {
		return v
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		out.Index(i).Set(tidyValue(v.Index(i), clean))
	}
	return out
}

// tidyMap visits keys in their order: when two become the same by cleaning, the
// first keeps its value in every run.
func tidyMap(v reflect.Value, clean func(string) string) reflect.Value {
	if v.IsNil() || clean == nil && isPlain(v.Type().Elem()) {
		return v
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		cleaned := tidyValue(key, clean)
		if !out.MapIndex(cleaned).IsValid() {
			out.SetMapIndex(cleaned, tidyValue(v.MapIndex(key), clean))
		}
	}
	return out
}
