package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// examination holds one moment against what is expected of it.
type examination struct {
	w        *world
	facts    *pipeline.Facts
	checked  int
	failures []Failure
}

func (x *examination) fail(p Place, what, want, got string, why ...string) {
	x.failures = append(x.failures, Failure{Line: p.line, Column: p.column, What: what, Want: want, Got: got, Why: why})
}

// equal expects two values to be the same and reports whether they are.
func (x *examination) equal(p Place, what, want, got string, why ...string) {
	x.checked++
	if want != got {
		x.fail(p, what, want, got, why...)
	}
}

func (x *examination) boolean(p Place, what string, want *bool, got bool, why ...string) {
	if want != nil {
		x.equal(p, what, fmt.Sprint(*want), fmt.Sprint(got), why...)
	}
}

func (x *examination) number(p Place, what string, want *int, got int) {
	if want != nil {
		x.equal(p, what, fmt.Sprint(*want), fmt.Sprint(got))
	}
}

func (x *examination) text(what string, want *Text, got string, why ...string) {
	if want == nil {
		return
	}
	x.checked++
	if !want.matches(got) {
		x.fail(want.Place, what, want.String(), orNone(got), why...)
	}
}

// texts expects as many texts, in the same order.
func (x *examination) texts(p Place, what string, want []Text, got []string) {
	x.checked++
	same := len(want) == len(got)
	for i := 0; same && i < len(want); i++ {
		same = want[i].matches(got[i])
	}
	if same {
		return
	}
	lines := make([]string, len(want))
	for i := range want {
		lines[i] = want[i].String()
	}
	x.fail(p, what, strings.Join(orNothing(lines), "; "), strings.Join(orNothing(got), "; "))
}

func orNothing(lines []string) []string {
	if len(lines) == 0 {
		return []string{"nothing"}
	}
	return lines
}

func (x *examination) moment(what string, want *When, got time.Time, why ...string) {
	if want == nil {
		return
	}
	x.checked++
	if at := want.time(x.w.now); !at.Equal(got) {
		x.fail(want.Place, what, moment(at, x.w.now), moment(got, x.w.now), why...)
	}
}

// moment is a time with how far off it is.
func moment(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := t.Sub(now)
	if d < 0 {
		return fmt.Sprintf("%s (%s ago)", stamp(t), -d)
	}
	return fmt.Sprintf("%s (in %s)", stamp(t), d)
}

func orNone(s string) string {
	if s == "" {
		return none
	}
	return s
}

// names expects the same names in the same order. Freight may be called by any of
// its names.
func (x *examination) names(p Place, what string, want Names, got []string) {
	x.checked++
	canonical := make([]string, len(want))
	for i, name := range want {
		canonical[i] = x.canonical(name)
	}
	if !slices.Equal(canonical, got) {
		x.fail(p, what, joinNames(want), joinNames(got))
	}
}

// canonical is the name under which Freight is shown.
func (x *examination) canonical(name string) string {
	if f, ok := x.w.freight(name); ok {
		return x.w.name(f.ID)
	}
	return name
}

// set expects membership of names in a set.
func (x *examination) set(what string, want *nameSet, got []string, why func(name string) []string) {
	if want == nil {
		return
	}
	if want.by == nil {
		x.checked++
		canonical := make([]string, len(want.exact))
		for i, name := range want.exact {
			canonical[i] = x.canonical(name)
		}
		slices.Sort(canonical)
		slices.Sort(got)
		if !slices.Equal(canonical, got) {
			var lines []string
			for _, name := range append(slices.Clone(canonical), got...) {
				if slices.Contains(canonical, name) != slices.Contains(got, name) && why != nil {
					lines = append(lines, why(name)...)
				}
			}
			x.fail(want.Place, what, joinNames(canonical), joinNames(got), lines...)
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(want.by)) {
		if _, ok := x.w.freight(name); !ok && want.by[name] {
			x.unknown(want.Place, name)
			continue
		}
		has := slices.Contains(got, x.canonical(name))
		var lines []string
		if has != want.by[name] && why != nil {
			lines = why(name)
		}
		x.equal(want.Place, name+" "+what, fmt.Sprint(want.by[name]), fmt.Sprint(has), lines...)
	}
}

func (x *examination) unknown(p Place, name string) {
	x.checked++
	names := x.w.nameAll(x.facts.Freight())
	got := "there is none; Freight: " + joinNames(names)
	if near := pipeline.DidYouMean(name, names); near != "" {
		got = fmt.Sprintf("there is none; did you mean %q?", near)
	}
	x.fail(p, "Freight "+name, "that it exists", got)
}

func (x *examination) expect(e *Expect) {
	x.facts = x.w.s.Facts()
	for _, name := range slices.Sorted(maps.Keys(e.Freight)) {
		x.freight(e.Place, name, e.Freight[name])
	}
	for _, name := range slices.Sorted(maps.Keys(e.Warehouses)) {
		x.warehouse(name, e.Warehouses[name])
	}
	for _, name := range slices.Sorted(maps.Keys(e.Stages)) {
		x.stage(name, e.Stages[name])
	}
	for _, id := range slices.Sorted(maps.Keys(e.Promotions)) {
		x.promotion(id, e.Promotions[id])
	}
	for _, id := range slices.Sorted(maps.Keys(e.Verifications)) {
		x.run(id, e.Verifications[id])
	}
	x.decided(e)
}

// decided is about what this entry led to.
func (x *examination) decided(e *Expect) {
	if e.Actions != nil {
		var got []string
		for _, r := range x.w.log.records {
			got = append(got, r.Actions...)
		}
		x.texts(e.Place, "what was decided", *e.Actions, got)
	}
	if e.Started != nil {
		x.names(e.Place, "Promotions that were started", *e.Started, x.w.log.begun)
	}
	refusals := strings.Join(x.w.log.refusals, "; ")
	if e.Refused != nil && x.w.log.asked == 0 {
		x.fail(e.Refused.Place, "the refusal", e.Refused.String(), "nobody asked for anything in this entry")
	}
	x.text("the refusal", e.Refused, refusals)
	if e.Granted != nil {
		granted := x.w.log.asked > 0 && len(x.w.log.refusals) == 0 && len(x.w.s.Intents) == 0
		var why []string
		switch {
		case refusals != "":
			why = []string{"refused: " + refusals}
		case len(x.w.s.Intents) > 0:
			why = []string{"the request waits for something to end"}
		}
		x.boolean(e.Place, "granted", e.Granted, granted, why...)
	}
	x.boolean(e.Place, "frozen", e.Frozen, x.w.s.Freeze.Active(x.w.now))
	x.expired(e.Expired)
	x.moment("the next evaluation", e.Next, x.w.next())
}

func (x *examination) expired(e *expectExpired) {
	if e == nil {
		return
	}
	freight, promotions := pipeline.Expired(x.w.s, x.w.now)
	if e.Freight != nil {
		got := make([]string, len(freight))
		for i, id := range freight {
			got[i] = x.w.name(id)
		}
		x.names(e.Place, "Freight that has expired", *e.Freight, got)
	}
	if e.Promotions != nil {
		x.names(e.Place, "Promotions that have expired", *e.Promotions, promotions)
	}
}

func (x *examination) freight(p Place, name string, e expectFreight) {
	f, ok := x.w.freight(name)
	if e.Place != (Place{}) {
		p = e.Place
	}
	if e.Exists != nil && !*e.Exists {
		x.equal(p, "Freight "+name, "that there is none", map[bool]string{true: "that it exists", false: "that there is none"}[ok])
		return
	}
	if !ok {
		x.unknown(p, name)
		return
	}
	x.checked++
	what := "of Freight " + name
	x.text("id "+what, e.ID, f.ID)
	x.text("alias "+what, e.Alias, f.Alias)
	x.text("Warehouse "+what, e.Warehouse, f.Warehouse)
	x.moment("discoveredAt "+what, e.DiscoveredAt, f.DiscoveredAt)
	if e.Artifacts != nil {
		x.texts(p, "artifacts "+what, e.Artifacts, artifacts(f))
	}
	if e.Metadata != nil {
		x.json(p, "metadata "+what, e.Metadata, f.Metadata)
	}
}

// artifacts names everything in Freight: images, charts, commits.
func artifacts(f pipeline.Freight) []string {
	var out []string
	for _, i := range f.Images {
		out = append(out, fmt.Sprintf("%s:%s@%s", i.RepoURL, i.Tag, i.Digest))
	}
	for _, c := range f.Charts {
		out = append(out, strings.TrimSuffix(c.RepoURL+"/"+c.Name, "/")+":"+c.Version)
	}
	for _, c := range f.Commits {
		line := c.RepoURL + "@" + c.ID
		if c.Tag != "" {
			line += " " + c.Tag
		}
		out = append(out, line+" "+c.Subject())
	}
	return out
}

func (x *examination) warehouse(name string, e expectSeen) {
	d := x.w.s.Discoveries[name]
	what := "of Warehouse " + name
	if e.Artifacts != nil {
		f := pipeline.Freight{}
		for _, s := range d.Subscriptions {
			f.Images = append(f.Images, s.Images[:min(1, len(s.Images))]...)
			f.Charts = append(f.Charts, s.Charts[:min(1, len(s.Charts))]...)
			f.Commits = append(f.Commits, s.Commits[:min(1, len(s.Commits))]...)
		}
		x.texts(e.Place, "newest artifacts "+what, e.Artifacts, artifacts(f))
	}
	rejected := map[string]string{}
	var all []string
	for _, s := range d.Subscriptions {
		all = append(all, artifacts(pipeline.Freight{Images: s.Images, Charts: s.Charts, Commits: s.Commits})...)
		for _, r := range s.Rejected {
			rejected[r.Ref] = r.Reason
		}
	}
	if e.Discovered != nil {
		x.texts(e.Place, "artifacts "+what, *e.Discovered, all)
	}
	for _, ref := range slices.Sorted(maps.Keys(e.Rejected)) {
		want := e.Rejected[ref]
		x.text("why "+ref+" was rejected", &want, rejected[ref])
	}
	x.text("why artifacts "+what+" are withheld", e.Withheld, d.Withheld)
	x.text("the error "+what, e.Error, x.w.log.discoveryErrors[name])
}
