package pipeline_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestNamesAreQualifiedByTheirPipeline(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"prod": "", "shop/prod": "shop", "shop/prod-v3": "shop", "": "", "shop/": "shop"} {
		if got := pipeline.Qualifier(name); got != want {
			t.Errorf("Qualifier(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestRequestsNameTheirPipelineByStageThenPromotionThenWarehouse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   pipeline.Intent
		want string
	}{
		{pipeline.Intent{Stage: "shop/prod", Promotion: "prod-1"}, "shop/prod"},
		{pipeline.Intent{Promotion: "shop/prod-1", New: &pipeline.Freight{Warehouse: "web"}}, "shop/prod-1"},
		{pipeline.Intent{New: &pipeline.Freight{Warehouse: "shop/web"}}, "shop/web"},
		{pipeline.Intent{Freight: "f", Pipeline: "shop"}, ""},
	} {
		if got := c.in.Names(); got != c.want {
			t.Errorf("%+v names %q, want %q", c.in, got, c.want)
		}
	}
}
