package pipeline

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// aliasIntent renames Freight.
func (d *decision) aliasIntent(in Intent) {
	if !d.may(in, VerbPromote, Stage{}) {
		return
	}
	n, ok := d.named(in)
	if !ok {
		return
	}
	if err := d.unfitAlias(in.Alias); err != nil {
		d.refuse(in, err)
		return
	}
	f := &d.known.freight[n]
	d.s.Freight = slices.Clone(d.s.Freight)
	for i := range d.s.Freight {
		if d.s.Freight[i].ID == f.ID {
			d.s.Freight[i].Alias = in.Alias
		}
	}
	f.Alias = in.Alias
	d.add(RenameFreight{Freight: f.ID, Alias: in.Alias, Intent: in.ID})
}

var (
	aliasForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	idForm    = regexp.MustCompile(`^[0-9a-f]{7,}$`)
	// reservedAliases are what commands call Freight without naming it.
	reservedAliases = []string{"latest", "this", "previous"}
)

// CheckAlias says why a name cannot be that of any Freight, nil when it can.
func CheckAlias(alias string) *UserError {
	err := &UserError{Hint: "/kargo alias FREIGHT NAME"}
	switch {
	case !aliasForm.MatchString(alias):
		err.Message = fmt.Sprintf("%q is no alias: it takes 1 to 63 lower-case letters, digits and dashes, with no dash at either end", alias)
	case idForm.MatchString(alias):
		err.Message = fmt.Sprintf("%q is no alias: it could be the beginning of an id", alias)
	case slices.Contains(reservedAliases, alias):
		err.Message = fmt.Sprintf("%q is no alias: the words %s have a meaning of their own", alias, strings.Join(reservedAliases, ", "))
	default:
		return nil
	}
	return err
}

// unfitAlias says why a name cannot be given to Freight, nil when it can.
func (d *decision) unfitAlias(alias string) *UserError {
	if err := CheckAlias(alias); err != nil {
		return err
	}
	for _, f := range d.s.Freight {
		if strings.EqualFold(f.Alias, alias) {
			return &UserError{
				Message: fmt.Sprintf("%q is what %s (%s) is called", alias, f.Headline(), Short(f.ID)),
				Hint:    "/kargo alias FREIGHT NAME",
			}
		}
	}
	return nil
}

// deleteIntent deletes Freight that nothing needs.
func (d *decision) deleteIntent(in Intent) {
	if !d.may(in, VerbPromote, Stage{}) {
		return
	}
	n, ok := d.named(in)
	if !ok {
		return
	}
	f := d.known.freight[n]
	if users := d.users(n); len(users) > 0 {
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s is in use: %s", f.Headline(), strings.Join(users, ", ")),
			Hint:    "promote other Freight first, or abort what is under way",
		})
		return
	}
	if w, ok := d.p.Warehouse(f.Warehouse); ok && w.FreightCreationPolicy != CreateManually {
		if newest, ok := d.s.Discoveries[w.Name].Freight(); ok && newest.ID == f.ID {
			d.refuse(in, &UserError{
				Message: fmt.Sprintf("%s is what Warehouse %s sees as newest, and would be created again at once", f.Headline(), w.Name),
				Hint:    "exclude it in .kargo.yaml, or set freightCreationPolicy: Manual",
			})
			return
		}
	}
	d.add(DeleteFreight{Freight: f.ID, Intent: in.ID})
	d.refresh()
}

// users names where Freight is needed: in file order the Stages in which it is
// current, then what is under way.
func (d *decision) users(n int) []string {
	var stages, open []string
	id := d.known.freight[n].ID
	carries := func(collection []Freight) bool {
		return slices.ContainsFunc(collection, func(f Freight) bool { return f.ID == id })
	}
	for i := range d.p.Stages {
		name := d.p.Stages[i].Name
		k := d.known.look(name)
		if k.isCurrent(n) {
			stages = append(stages, "current in "+name)
		}
		for _, pr := range k.open {
			if pr.Freight.ID == id || carries(pr.Collection) {
				open = append(open, "part of "+pr.ID)
			}
		}
		if run := k.verifying(); run != nil && carries(run.Collection) {
			open = append(open, "verified by "+cmp.Or(run.ID, "a run that starts in "+name))
		}
	}
	return append(stages, open...)
}
