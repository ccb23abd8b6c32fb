package profile

import "testing"

// BenchmarkLabels finds and attaches the labels of a request, of one route without a key and of one with a key.
func BenchmarkLabels(b *testing.B) {
	for name, key := range map[string]string{"anonymous": "", "key": "018f0000-0000-7000-8000-000000000001"} {
		b.Run(name, func(b *testing.B) {
			l := NewLabeler()
			b.ReportAllocs()
			for b.Loop() {
				l.Of(list.Route, list.Table, list.Operation, key).Attach()
			}
		})
	}
}
