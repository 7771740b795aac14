package verify_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

// FuzzAnswers: whatever a service answers, the run ends or waits, and nothing panics.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{
		`{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"2"]}]}}`, `[{"datapoints":[[1,2]]}]`, `{"series":[{"pointlist":[[1,null]]}]}`,
		"#datatype,string,long\n,result,_value\n,,5\n", `{"data":{"attributes":{"columns":[{"values":[1]}]}}}`, `{"status":{"sync":{"status":"Synced"}}}`, `null`, `[]`,
	} {
		f.Add(s, "{.a[0]}")
	}
	f.Fuzz(func(t *testing.T, answer, path string) {
		s := newService(t, answer)
		for kind, config := range map[string]map[string]any{
			"web":        {"url": s.url, "jsonPath": path},
			"prometheus": {"address": s.url, "query": "x"},
			"datadog":    {"query": "x"},
			"newRelic":   {"query": "x"},
			"graphite":   {"address": s.url, "query": "target=x"},
			"influxdb":   {"query": "x"},
			"argocd":     {"application": "x"},
		} {
			w := ask(t, s, kind, config, "result != nil")
			if m := w.metric(0); m.Phase == pipeline.VerificationPending || len(m.Measurements) != 1 {
				t.Errorf("%s: %+v", kind, m)
			}
		}
	})
}
