package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// fill sets everything below v to something that is not zero, so that a field
// that an implementation forgets to keep shows in a comparison, even one that
// the domain got after the implementation was written.
func fill(v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = at(7)
		return
	case *json.RawMessage:
		*p = json.RawMessage(`{"k":["v"]}`)
		return
	case *any:
		*p = map[string]any{"k": "v"}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	default:
		panic(fmt.Sprintf("storetest: no value for %s", v.Type()))
	}
}

func filled[T any]() T {
	var v T
	fill(reflect.ValueOf(&v).Elem())
	return v
}

var wholeTests = map[string]func(*fixture){
	"freight keeps every field": func(f *fixture) {
		f.repo()
		want := filled[pipeline.Freight]()
		f.apply(at(1), pipeline.CreateFreight{Freight: want})
		f.equal("freight", f.snapshot().Freight, []pipeline.Freight{want})
	},
	"a promotion keeps every field": func(f *fixture) {
		f.repo()
		fr, other := f.freight(1), f.freight(2)
		want := filled[pipeline.Promotion]()
		want.Stage.Name, want.HoldIntent = "prod", pipeline.SetHold
		want.ID, want.Seq, want.Repo = "prod-1", 1, pipeline.Repo{ID: repoID, Owner: "acme", Name: "gitops"}
		want.Freight, want.Collection, want.Previous = fr, []pipeline.Freight{fr, other}, &other
		want.Phase, want.AbortRequested, want.AbortAs = pipeline.Pending, "", ""
		f.apply(at(3), pipeline.StartPromotion{Promotion: want})
		want.AbortRequested, want.AbortAs = "enough", pipeline.Failed
		f.apply(at(3), pipeline.AbortPromotion{Promotion: want.ID, Reason: want.AbortRequested, As: want.AbortAs})
		want.Phase = pipeline.Running
		f.ok(f.SavePromotion(f.ctx, f.claim(store.WorkStage, at(3)), want))
		f.equal("promotion", must(f.Promotion(f.ctx, repoID, want.ID))(f), want)
		f.equal("snapshot", f.snapshot().Promotions, []pipeline.Promotion{want})
	},
	"a verification, a hold and a freeze keep every field": func(f *fixture) {
		f.repo()
		fr, other := f.freight(1), f.freight(2)
		run := filled[pipeline.VerificationRun]()
		run.Stage.Name, run.ID, run.Seq, run.Repo = "prod", "prod-v1", 1, pipeline.Repo{ID: repoID, Owner: "acme", Name: "gitops"}
		run.Collection, run.Phase, run.AbortRequested = []pipeline.Freight{fr, other}, pipeline.VerificationPending, ""
		hold := filled[pipeline.Hold]()
		hold.Freight = fr.ID
		freeze := filled[pipeline.Freeze]()
		f.apply(at(3), pipeline.StartVerification{Run: run}, pipeline.RecordHold{Hold: hold}, pipeline.FreezePipeline{Freeze: freeze})
		f.equal("as created", f.snapshot().Verifications, []pipeline.VerificationRun{run})
		run.AbortRequested, run.Phase = "enough", pipeline.VerificationRunning
		f.apply(at(4), pipeline.StopVerification{Run: run.ID, Reason: run.AbortRequested})
		j := f.claim(store.WorkStage, at(4))
		f.ok(f.SaveVerification(f.ctx, j, run))
		f.equal("as saved", must(f.Verification(f.ctx, repoID, run.ID))(f), run)
		run.Phase = pipeline.VerificationError
		f.ok(f.FinishVerification(f.ctx, j, run, at(5)))
		s := f.snapshot()
		f.equal("as finished", s.Verifications, []pipeline.VerificationRun{run})
		f.equal("hold", s.Holds, []pipeline.Hold{hold})
		f.equal("freeze", s.Freeze, &freeze)
	},
	"a pipeline, a discovery and an intent keep every field": func(f *fixture) {
		f.repo()
		p := filled[pipeline.Pipeline]()
		f.ok(f.SaveConfig(f.ctx, repoID, store.Config{SHA: "a", Blob: "b", Pipeline: &p}, nil, at(1)))
		f.equal("pipeline", must(f.Repo(f.ctx, repoID))(f).Config.Pipeline, &p)
		w := filled[store.WarehouseState]()
		w.Name = p.Warehouses[0].Name
		f.ok(f.SaveDiscovery(f.ctx, repoID, w))
		got := must(f.Warehouses(f.ctx, repoID))(f)[0]
		got.Due, got.Hints = w.Due, w.Hints
		f.equal("warehouse", got, w)
		in := filled[pipeline.Intent]()
		f.ok(f.PutIntents(f.ctx, repoID, []pipeline.Intent{in}, at(1)))
		f.equal("intent", f.snapshot().Intents, []pipeline.Intent{in})
	},
}
