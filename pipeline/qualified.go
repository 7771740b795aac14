package pipeline

import "strings"

// Qualifier returns the name of the pipeline that a Warehouse, Stage, Promotion or
// VerificationRun belongs to by its name or id: "shop" for "shop/test", and empty,
// which means the root pipeline, for "test".
func Qualifier(qualified string) string {
	name, _, ok := strings.Cut(qualified, "/")
	if !ok {
		return ""
	}
	return name
}

// Names returns a qualified name in the pipeline that a request is about by the Stage,
// the Promotion or the Warehouse that it names; "" where it names none of them.
func (in Intent) Names() string {
	switch {
	case in.Stage != "":
		return in.Stage
	case in.Promotion != "":
		return in.Promotion
	case in.New != nil:
		return in.New.Warehouse
	}
	return ""
}
