package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Resolve settles what only the names of the Stages can: whether the last word of
// a VerbPromote names a Stage or Freight (a Stage wins), and which Stage "test"
// means where the pipeline of the repository that has one calls it "shop/test". It
// returns the command with Stages that all exist, or a *pipeline.UserError that
// names the closest and all valid ones.
func (c Command) Resolve(stages []string) (Command, error) {
	named := slices.Clone(c.Stages)
	if c.Verb == VerbPromote {
		switch last := len(named) - 1; {
		case c.Freight.Kind != FreightDefault && len(meant(stages, c.Freight.Text)) > 0:
			named, c.Freight = append(named, c.Freight.Text), FreightRef{}
		case c.Freight.Kind == FreightDefault && last > 0 && len(meant(stages, named[last])) == 0 && closest(stages, named[last]) == "":
			c.Freight, named = ParseFreight(named[last]), named[:last]
		}
	}
	for i, typed := range named {
		name, err := ResolveName("Stage", stages, typed)
		if err != nil {
			return Command{}, err
		}
		if slices.Contains(named[:i], name) {
			return Command{}, &pipeline.UserError{Message: fmt.Sprintf("Stage %q is named twice", name)}
		}
		named[i] = name
	}
	c.Stages = named
	return c, nil
}

// NamingFreight settles that the last word of a VerbPromote means Freight where
// Freight of that name exists and no Stage does, however close the name of one may
// be. It comes before [Command.Resolve], which knows no Freight.
func (c Command) NamingFreight(stages []string, exists func(freight string) bool) Command {
	last := len(c.Stages) - 1
	if c.Verb != VerbPromote || c.Freight.Kind != FreightDefault || last < 1 {
		return c
	}
	if word := c.Stages[last]; len(meant(stages, word)) == 0 && exists(word) {
		c.Freight, c.Stages = ParseFreight(word), slices.Clone(c.Stages[:last])
	}
	return c
}

// ResolveName returns the one of names, all of the kind "Stage" or "Warehouse",
// that a person means: the name itself or, where it is the only one, a name
// qualified by its pipeline of which the last part was typed.
func ResolveName(kind string, names []string, typed string) (string, error) {
	found := meant(names, typed)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
	default:
		return "", &pipeline.UserError{
			Message: fmt.Sprintf("there are %d %ss called %q", len(found), kind, typed),
			Hint:    "name the pipeline too: " + strings.Join(found, ", "),
		}
	}
	err := &pipeline.UserError{Message: fmt.Sprintf("there is no %s %q", kind, typed)}
	if len(names) == 0 {
		err.Hint = fmt.Sprintf("no %s is declared in .kargo.yaml", kind)
		return "", err
	}
	err.Hint = kind + "s: " + strings.Join(names, ", ")
	if near := closest(names, typed); near != "" {
		err.Hint = fmt.Sprintf("did you mean %q? %s", near, err.Hint)
	}
	return "", err
}

// meant returns the names that a word may stand for.
func meant(names []string, typed string) []string {
	if slices.Contains(names, typed) {
		return []string{typed}
	}
	var found []string
	for _, name := range names {
		if strings.HasSuffix(name, "/"+typed) {
			found = append(found, name)
		}
	}
	return found
}

// closest returns the name that was probably meant, with or without its pipeline.
func closest(names []string, typed string) string {
	if near := pipeline.DidYouMean(typed, names); near != "" {
		return near
	}
	for _, name := range names {
		if _, local, ok := strings.Cut(name, "/"); ok && pipeline.DidYouMean(typed, []string{local}) != "" {
			return name
		}
	}
	return ""
}
