package expr

import "errors"

// Check compiles every expression of a template without running it, and returns the
// faults as [*Error]s joined by errors.Join. Everything is allowed; use [CheckFor] for
// a place that allows less. A template without delimiters is always right.
//
// Names that no Env has are not faults, as they may be nil on purpose.
func Check(template string) error { return CheckFor(template, AllowAll) }

// CheckFor is Check for a place with the given permissions.
func CheckFor(template string, allow Allow) error {
	if !HasExpression(template) {
		return nil
	}
	parts, err := split(template)
	if err != nil {
		return err
	}
	return check(parts, allow)
}

// CheckBare is Check for an expression that stands without delimiters. Neither outputs nor
// status functions nor secrets are allowed there.
func CheckBare(expression string) error {
	p, err := bare(expression)
	if err != nil {
		return err
	}
	return check([]part{p}, 0)
}

func check(parts []part, allow Allow) error {
	r, err := newRunner(Env{Allow: allow})
	if err != nil {
		return err
	}
	var faults []error
	for _, p := range parts {
		if !p.expression {
			continue
		}
		if _, err := r.compile(p); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 1 {
		return faults[0]
	}
	return errors.Join(faults...)
}
