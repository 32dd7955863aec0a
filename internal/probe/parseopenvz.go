package probe

import (
	"strings"

	"twaudit/internal/audit"
)

// openvz reads the resource counters of OpenVZ and its two further limits.
func (p *parser) openvz(s *section) error {
	vz := &audit.OpenVZ{
		BucketsPerContainer: p.sysctlInt("net.ipv4.tcp_max_tw_buckets_ub"),
		KmemFraction:        p.sysctlInt("net.ipv4.tcp_max_tw_kmem_fraction"),
	}
	var broken error
	for _, pair := range s.head().pairs {
		if pair.key != "bc" {
			continue
		}
		row, err := beancounter(pair.value)
		if err != nil {
			broken = err
			continue
		}
		if len(vz.Beancounters) < maxRows {
			vz.Beancounters = append(vz.Beancounters, row)
		}
	}
	if vz.BucketsPerContainer != nil || vz.KmemFraction != nil || len(vz.Beancounters) > 0 {
		p.facts.OpenVZ = vz
	}
	return broken
}

// maxRows bounds the rows of a list that a host may make as long as it likes.
const maxRows = 2048

// beancounter reads "UID RESOURCE HELD MAXHELD BARRIER LIMIT FAILCNT".
func beancounter(row string) (audit.Beancounter, error) {
	words := strings.Fields(row)
	if len(words) != 7 {
		return audit.Beancounter{}, syntaxError("row of user_beancounters", row)
	}
	held, limit, failed := count(words[2]), count(words[5]), count(words[6])
	if held == nil || limit == nil || failed == nil {
		return audit.Beancounter{}, syntaxError("row of user_beancounters", row)
	}
	uid := strings.TrimSuffix(words[0], ":")
	return audit.Beancounter{
		UID: clean(uid), Resource: clean(words[1]), Held: *held, Limit: *limit, FailCnt: *failed,
	}, nil
}
