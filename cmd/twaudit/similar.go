package main

import (
	"cmp"
	"slices"
	"strings"
)

// similar are the names that may have been meant by name, nearest first: those
// that differ in few letters, and those that one is the beginning or the end of,
// as web1 is of web1.example.net.
func similar(name string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	wanted := strings.ToLower(name[:min(len(name), maxName)])
	tolerated := max(1, len(wanted)/4)
	var near []candidate
	for _, n := range names {
		lower := strings.ToLower(n[:min(len(n), maxName)])
		d := distance(wanted, lower)
		if contained := len(wanted) > 1 && strings.Contains(lower, wanted) || len(lower) > 1 && strings.Contains(wanted, lower); contained {
			d = min(d, tolerated)
		}
		if d <= tolerated {
			near = append(near, candidate{n, d})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(a.distance-b.distance, strings.Compare(a.name, b.name))
	})
	var list []string
	for _, c := range near {
		list = append(list, c.name)
	}
	return slices.Compact(list)
}

// distance is how many bytes have to be changed, added, left out or swapped with
// their neighbour to make a of b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
