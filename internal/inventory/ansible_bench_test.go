package inventory

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"twaudit/internal/text"
)

// manyHosts is an inventory of n hosts in racks, sites and one fleet, as INI,
// YAML or the JSON of a script.
func manyHosts(form string, n int) []byte {
	var b strings.Builder
	const perRack = 40
	racks := (n + perRack - 1) / perRack
	each := func(rack int, write func(host int)) {
		for i := rack * perRack; i < min(n, (rack+1)*perRack); i++ {
			write(i)
		}
	}
	switch form {
	case "ini":
		for r := range racks {
			fmt.Fprintf(&b, "[rack%d]\n", r)
			each(r, func(i int) {
				fmt.Fprintf(&b, "web%05d.example.net ansible_host=10.%d.%d.%d ansible_port=22 rack=%d role=\"front end\"\n", i, i>>16, i>>8&255, i&255, r)
			})
		}
		b.WriteString("[fleet:children]\n")
		for r := range racks {
			fmt.Fprintf(&b, "rack%d\n", r)
		}
		b.WriteString("[fleet:vars]\nansible_user=audit\nansible_ssh_common_args=-o ProxyJump=gate\n")
	case "yaml":
		b.WriteString("fleet:\n  vars: {ansible_user: audit, ansible_ssh_common_args: -o ProxyJump=gate}\n  children:\n")
		for r := range racks {
			fmt.Fprintf(&b, "    rack%d:\n      hosts:\n", r)
			each(r, func(i int) {
				fmt.Fprintf(&b, "        web%05d.example.net:\n          ansible_host: 10.%d.%d.%d\n          ansible_port: 22\n          rack: %d\n", i, i>>16, i>>8&255, i&255, r)
			})
		}
	case "json":
		b.WriteString(`{"fleet": {"vars": {"ansible_user": "audit"}, "children": ["rack0"`)
		for r := range racks - 1 {
			fmt.Fprintf(&b, `, "rack%d"`, r+1)
		}
		b.WriteString(`]}, "_meta": {"hostvars": {"none": {}`)
		for i := range n {
			fmt.Fprintf(&b, `, "web%05d": {"ansible_host": "10.%d.%d.%d", "rack": 5, "tags": ["a", "b"]}`, i, i>>16, i>>8&255, i&255)
		}
		b.WriteString("}}")
		for r := range racks {
			fmt.Fprintf(&b, `, "rack%d": {"hosts": [`, r)
			each(r, func(i int) {
				if i%perRack > 0 {
					b.WriteString(", ")
				}
				fmt.Fprintf(&b, `"web%05d"`, i)
			})
			b.WriteString("]}")
		}
		b.WriteString("}")
	}
	return []byte(b.String())
}

var ansibleForms = map[string]func(data []byte, file, dir string) ([]Host, []Note, error){
	"ini": parseAnsibleINI, "yaml": parseAnsibleYAML, "json": parseDynamic,
}

func BenchmarkAnsible(b *testing.B) {
	for _, form := range []string{"ini", "yaml", "json"} {
		for _, n := range []int{1_000, 10_000, 50_000} {
			b.Run(fmt.Sprintf("%s/%d", form, n), func(b *testing.B) {
				data := manyHosts(form, n)
				b.ReportAllocs()
				for b.Loop() {
					if hosts, _, err := ansibleForms[form](data, "hosts", ""); err != nil || len(hosts) != n {
						b.Fatalf("%d hosts, %v", len(hosts), err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/host")
			})
		}
	}
}

// Not parallel: what it counts is the whole process's.
func TestAnsible_memoryGrowsWithTheHosts(t *testing.T) {
	for form, parse := range ansibleForms {
		allocated := func(n int) uint64 {
			data := manyHosts(form, n)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if hosts, _, err := parse(data, "hosts", ""); err != nil || len(hosts) != n || len(hosts[n-1].Groups) != 2 {
				t.Fatalf("%s: %d hosts, %v", form, len(hosts), err)
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		small, large := allocated(1_000), allocated(8_000)
		if large > 11*small {
			t.Errorf("%s: %s for 1,000 hosts, %s for 8,000", form, text.Bytes(int64(small)), text.Bytes(int64(large)))
		}
	}
}
