package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// createIntent puts Freight together by hand: exactly one artifact of every
// Subscription of its Warehouse, and besides those any that no Subscription of
// it covers.
func (d *decision) createIntent(in Intent) {
	if !d.may(in, VerbPromote, Stage{}) {
		return
	}
	f, refusal := d.assemble(in)
	if refusal != nil {
		d.refuse(in, refusal)
		return
	}
	if old, exists := d.s.FreightByID(f.ID); exists {
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("this Freight exists already: %s (%s)", old.Alias, old.Headline()),
			Hint:    "/kargo freight",
		})
		return
	}
	d.add(CreateFreight{Freight: d.newFreight(f), Intent: in.ID})
	d.refresh()
	d.verified() // control-flow Stages let it pass at once
}

// assemble turns a request into Freight.
func (d *decision) assemble(in Intent) (Freight, *UserError) {
	if in.New == nil || len(in.New.Images)+len(in.New.Commits)+len(in.New.Charts) == 0 {
		return Freight{}, &UserError{Message: "Freight needs at least one artifact", Hint: "/kargo create ARTIFACT..."}
	}
	w, ok := d.p.Warehouse(in.New.Warehouse)
	if !ok {
		return Freight{}, d.unknownWarehouse(in.New.Warehouse)
	}
	f := Freight{Warehouse: w.Name, Alias: in.Alias, Metadata: in.New.Metadata}
	f.Images, f.Commits, f.Charts = slices.Clone(in.New.Images), slices.Clone(in.New.Commits), slices.Clone(in.New.Charts)
	if f.Alias != "" {
		if err := d.unfitAlias(f.Alias); err != nil {
			return Freight{}, err
		}
	}
	var missing []string
	for i := range w.Subscriptions {
		sub := &w.Subscriptions[i]
		switch found := d.settle(&f, sub, d.discovered(w.Name, i)); {
		case len(found) == 0:
			missing = append(missing, d.describe(sub))
		case len(found) > 1:
			return Freight{}, &UserError{
				Message: fmt.Sprintf("%s are %d artifacts of one Subscription of Warehouse %s, which gives exactly one", strings.Join(found, " and "), len(found), w.Name),
				Hint:    "/kargo create ARTIFACT...",
			}
		}
	}
	if len(missing) > 0 {
		return Freight{}, &UserError{
			Message: fmt.Sprintf("Freight of Warehouse %s needs one artifact of every Subscription; missing: %s", w.Name, strings.Join(missing, ", ")),
			Hint:    "/kargo freight",
		}
	}
	f.ID = FreightID(f)
	return f, nil
}

// discovered is what the Subscription at an index was last seen to offer.
func (d *decision) discovered(warehouse string, i int) DiscoveredSubscription {
	if subs := d.s.Discoveries[warehouse].Subscriptions; i < len(subs) {
		return subs[i]
	}
	return DiscoveredSubscription{}
}

// settle finds the artifacts that belong to a Subscription and makes them what
// discovery would have made of them, so that the same content gets the same id. It
// returns what it found.
func (d *decision) settle(f *Freight, sub *Subscription, seen DiscoveredSubscription) (found []string) {
	for i := range f.Images {
		if a := &f.Images[i]; sub.Image != nil && sub.claims(a.Subscription) && NormalizeImage(a.RepoURL) == NormalizeImage(sub.Image.RepoURL) {
			for _, s := range seen.Images {
				if NormalizeImage(s.RepoURL) == NormalizeImage(a.RepoURL) && (a.Tag == "" || s.Tag == a.Tag) && (a.Digest == "" || s.Digest == a.Digest) {
					*a = s
					break
				}
			}
			a.Subscription = sub.Name
			found = append(found, a.RepoURL+":"+a.Tag)
		}
	}
	for i := range f.Commits {
		if a := &f.Commits[i]; sub.Git != nil && sub.claims(a.Subscription) && d.sameRepo(a.RepoURL, sub.Git.RepoURL) {
			for _, s := range seen.Commits {
				if s.ID == a.ID && (a.Tag == "" || s.Tag == a.Tag) && d.sameRepo(s.RepoURL, sub.Git.RepoURL) {
					*a = s
					break
				}
			}
			a.Subscription = sub.Name
			found = append(found, a.RepoURL+"@"+Short(a.ID))
		}
	}
	for i := range f.Charts {
		if a := &f.Charts[i]; sub.Chart != nil && sub.claims(a.Subscription) && a.Name == sub.Chart.Name && sameChartRepo(a.RepoURL, sub.Chart.RepoURL) {
			for _, s := range seen.Charts {
				if s.Version == a.Version && s.Name == a.Name && sameChartRepo(s.RepoURL, a.RepoURL) {
					*a = s
					break
				}
			}
			a.Subscription = sub.Name
			found = append(found, strings.TrimSuffix(a.RepoURL, "/")+"/"+a.Name+":"+a.Version)
		}
	}
	return found
}

// claims reports whether an artifact said to come from a Subscription of that
// name, empty for none in particular, may come from this one.
func (s *Subscription) claims(name string) bool { return name == "" || name == s.Name }

func sameChartRepo(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "/"), strings.TrimSuffix(b, "/"))
}

// sameRepo compares a commit's repository with that of a Subscription, in which
// nothing means the pipeline's own.
func (d *decision) sameRepo(commit, subscribed string) bool {
	if subscribed == "" {
		return commit == "" || strings.HasSuffix(NormalizeGitURL(commit), "/"+d.s.Repo.Slug())
	}
	return NormalizeGitURL(commit) == NormalizeGitURL(subscribed)
}

func (d *decision) describe(sub *Subscription) string {
	what := string(sub.Kind()) + " " + sub.RepoURL()
	switch {
	case sub.Chart != nil && sub.Chart.Name != "":
		what += " " + sub.Chart.Name
	case sub.Git != nil && sub.Git.RepoURL == "":
		what += d.s.Repo.String()
	}
	return what
}

func (d *decision) unknownWarehouse(got string) *UserError {
	names := make([]string, len(d.p.Warehouses))
	for i := range d.p.Warehouses {
		names[i] = d.p.Warehouses[i].Name
	}
	err := &UserError{Message: fmt.Sprintf("there is no Warehouse %q", got), Hint: "Warehouses: " + strings.Join(names, ", ")}
	if m := DidYouMean(got, names); m != "" {
		err.Hint = fmt.Sprintf("did you mean %q? %s", m, err.Hint)
	}
	return err
}
