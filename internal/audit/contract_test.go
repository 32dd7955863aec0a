package audit

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// contract lists the paths that readers outside rely on. A name in here changes
// only together with Schema.
const contract = `
schema tool.version run.id run.started_at run.finished_at run.partial
summary.hosts summary.audited summary.failed summary.skipped
summary.verdicts summary.failures findings[] notes[]
hosts[].name hosts[].groups[] hosts[].labels hosts[].status
hosts[].failure.stage hosts[].failure.via hosts[].failure.message hosts[].failure.hint
hosts[].verdict hosts[].coverage hosts[].flags[]
hosts[].findings[].rule hosts[].findings[].severity hosts[].findings[].title
hosts[].findings[].evidence[].text hosts[].findings[].evidence[].source hosts[].findings[].evidence[].at
hosts[].findings[].advice[]
hosts[].gaps[].section hosts[].gaps[].reason hosts[].gaps[].remedy
hosts[].timing.connect_ms hosts[].timing.probe_ms hosts[].timing.total_ms hosts[].timing.bytes
hosts[].headroom.capacity hosts[].headroom.close_rate hosts[].headroom.mean_rate hosts[].headroom.load_factor
hosts[].headroom.needed_limit hosts[].headroom.needed_memory_bytes
hosts[].history
hosts[].facts.host.hostname hosts[].facts.host.kernel hosts[].facts.host.os hosts[].facts.host.boot_id
hosts[].facts.host.machine_id hosts[].facts.host.booted_at hosts[].facts.host.clock hosts[].facts.host.utc_offset
hosts[].facts.host.uid hosts[].facts.host.memory_bytes
hosts[].facts.time_wait.buckets hosts[].facts.time_wait.limit hosts[].facts.time_wait.ratio
hosts[].facts.time_wait.default_limit hosts[].facts.time_wait.overflow_total
hosts[].facts.time_wait.overflow_delta hosts[].facts.time_wait.sample_seconds
hosts[].facts.tcp_states hosts[].facts.tcp_states_source hosts[].facts.sysctl
hosts[].facts.config.value hosts[].facts.config.source hosts[].facts.config.changed_at
hosts[].facts.config.sysctl_conf_changed_at hosts[].facts.config.reader
hosts[].facts.config.files[].path hosts[].facts.config.files[].mtime hosts[].facts.config.files[].ctime
hosts[].facts.config.files[].entries[].line hosts[].facts.config.files[].entries[].key
hosts[].facts.config.files[].entries[].value hosts[].facts.config.files[].entries[].commented
hosts[].facts.log.overflow_lines hosts[].facts.log.foreign_lines hosts[].facts.log.suppressed
hosts[].facts.log.events_min hosts[].facts.log.events_max hosts[].facts.log.first hosts[].facts.log.last
hosts[].facts.log.histogram[].hour hosts[].facts.log.histogram[].events
hosts[].facts.log.sources[].path hosts[].facts.log.sources[].lines hosts[].facts.log.sources[].first
hosts[].facts.log.sources[].last hosts[].facts.log.siblings
hosts[].facts.top.local_ports[].port hosts[].facts.top.local_ports[].count hosts[].facts.top.local_ports[].listening
hosts[].facts.top.peers[].address hosts[].facts.top.peers[].count hosts[].facts.top.sampled
hosts[].facts.namespaces[].id hosts[].facts.namespaces[].pid hosts[].facts.namespaces[].name
hosts[].facts.namespaces[].buckets hosts[].facts.namespaces[].limit hosts[].facts.namespaces[].overflow_total
hosts[].facts.namespaces[].overflow_delta hosts[].facts.namespaces[].verdict
`

// fill gives everything below v a value that is not zero, and every list and map
// one element.
func fill(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 3, 9, 18, 23, 35, 0, time.FixedZone("", 8*3600))))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(0.5)
	}
}

// lookup follows a path such as hosts[].name; [] is the first element.
func lookup(value any, path string) (any, bool) {
	for step := range strings.SplitSeq(path, ".") {
		name, isList := strings.CutSuffix(step, "[]")
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[name]; !ok {
			return nil, false
		}
		if isList {
			list, ok := value.([]any)
			if !ok || len(list) == 0 {
				return nil, false
			}
			value = list[0]
		}
	}
	return value, true
}

func marshal(t *testing.T, run Run) any {
	t.Helper()
	raw, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestRun_JSONHasThePathsOfTheContract(t *testing.T) {
	t.Parallel()
	var run Run
	fill(reflect.ValueOf(&run).Elem())
	value := marshal(t, run)
	for path := range strings.FieldsSeq(contract) {
		if got, found := lookup(value, path); !found || got == nil {
			t.Errorf("%s is missing", path)
		}
	}
	if at, _ := lookup(value, "hosts[].facts.log.last"); at != "2026-03-09T18:23:35+08:00" {
		t.Errorf("a time is %v, want RFC 3339 with the host's offset", at)
	}
}

func TestRun_JSONLeavesOutWhatWasNotRead(t *testing.T) {
	t.Parallel()
	zero := int64(0)
	host := HostResult{Facts: &Facts{Log: &Log{OverflowLines: &zero}}}
	value := marshal(t, Run{Hosts: []HostResult{host}})
	for _, path := range []string{"hosts[].facts.time_wait.buckets", "hosts[].facts.time_wait.ratio",
		"hosts[].facts.time_wait.limit", "hosts[].facts.time_wait.overflow_total", "hosts[].facts.time_wait.overflow_delta", "hosts[].facts.log.suppressed",
		"hosts[].facts.log.last", "hosts[].facts.config", "hosts[].facts.host.uid", "hosts[].facts.host.booted_at",
		"hosts[].headroom", "hosts[].failure", "hosts[].verdict", "hosts[].facts.tcp_states"} {
		if got, found := lookup(value, path); found {
			t.Errorf("%s is %v, want nothing: absent is not zero", path, got)
		}
	}
	if got, found := lookup(value, "hosts[].facts.log.overflow_lines"); !found || got != 0.0 {
		t.Errorf("a count that was read as 0 is %v, found %v", got, found)
	}
	// Told apart from "not read" by the value alone, so always there.
	for _, path := range []string{"run.partial", "summary.failed"} {
		if _, found := lookup(value, path); !found {
			t.Errorf("%s is missing when it is zero", path)
		}
	}
}
