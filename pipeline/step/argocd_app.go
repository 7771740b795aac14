package step

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/kargo-app/kargo/pipeline/argocd"
)

// ArgoCDAppRef says which Applications.
type ArgoCDAppRef struct {
	Name      string          `json:"name,omitempty" doc:"of the Application; excludes selector"`
	Namespace string          `json:"namespace,omitempty" doc:"where the Application is; default Argo CD's own namespace"`
	Selector  *ArgoCDSelector `json:"selector,omitempty" doc:"all Applications with certain labels; excludes name"`
}

// ArgoCDSelector selects Applications by their labels; all that it says must hold.
type ArgoCDSelector struct {
	MatchLabels      map[string]string  `json:"matchLabels,omitempty" doc:"labels and their values"`
	MatchExpressions []ArgoCDExpression `json:"matchExpressions,omitempty" doc:"conditions on labels"`
}

// ArgoCDExpression is a condition on a label.
type ArgoCDExpression struct {
	Key      string   `json:"key" empty:"no" doc:"the label"`
	Operator string   `json:"operator" doc:"In, NotIn, Exists or DoesNotExist"`
	Values   []string `json:"values,omitempty" doc:"for In and NotIn"`
}

// ArgoCDAppOutput is an Application in the output of a step.
type ArgoCDAppOutput struct {
	Name      string   `json:"name" doc:"of the Application"`
	Namespace string   `json:"namespace" doc:"where it is"`
	URL       string   `json:"url" doc:"where to look at it, masked where the server's address is a secret; ours, not Kargo's"`
	Revisions []string `json:"revisions,omitempty" doc:"what it was last compared with, one for each source; ours, not Kargo's"`
}

const (
	// maxApplications bounds what one step looks at.
	maxApplications = 200
	// parallelReads bounds how many are read at once. Each may take Argo CD seconds when it
	// is to compare the Application first.
	parallelReads = 8
)

// validate implements the rules beyond types.
func (r ArgoCDAppRef) validate(at string) error {
	switch {
	case (r.Name == "") == (r.Selector == nil):
		return fmt.Errorf("%s: give one of name and selector", at)
	case r.Selector == nil:
		return nil
	}
	_, err := r.Selector.labels()
	if err != nil {
		return fmt.Errorf("%s.selector: %w", at, err)
	}
	return nil
}

// labels is the selector as Kubernetes has it.
func (s ArgoCDSelector) labels() (labels.Selector, error) {
	if len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0 {
		return nil, errors.New("matchLabels or matchExpressions must not be empty")
	}
	out := labels.NewSelector()
	add := func(key string, op selection.Operator, values []string) error {
		r, err := labels.NewRequirement(key, op, values)
		if err == nil {
			out = out.Add(*r)
		}
		return err
	}
	for key, value := range s.MatchLabels {
		if err := add(key, selection.Equals, []string{value}); err != nil {
			return nil, fmt.Errorf("matchLabels: %w", err)
		}
	}
	operators := map[string]selection.Operator{
		"In": selection.In, "NotIn": selection.NotIn, "Exists": selection.Exists, "DoesNotExist": selection.DoesNotExist,
	}
	for i, e := range s.MatchExpressions {
		op, ok := operators[e.Operator]
		if !ok {
			return nil, fmt.Errorf("matchExpressions[%d].operator: %q is none of In, NotIn, Exists, DoesNotExist", i, e.Operator)
		}
		if err := add(e.Key, op, e.Values); err != nil {
			return nil, fmt.Errorf("matchExpressions[%d]: %w", i, err)
		}
	}
	return out, nil
}

// find returns the names of the Applications.
func (r ArgoCDAppRef) find(ctx context.Context, c argocd.Client) ([]argocd.Key, error) {
	if r.Selector == nil {
		return []argocd.Key{{Name: r.Name, Namespace: r.Namespace}}, nil
	}
	selector, err := r.Selector.labels()
	if err != nil {
		return nil, &PermanentError{err}
	}
	keys, err := c.List(ctx, r.Namespace, selector.String())
	switch {
	case err != nil:
		return nil, err
	case len(keys) == 0:
		return nil, fmt.Errorf("there is no Application with the labels %s that the token may see", selector)
	case len(keys) > maxApplications:
		return nil, &PermanentError{fmt.Errorf("%d Applications have the labels %s, and %d are the most that a step looks at", len(keys), selector, maxApplications)}
	}
	return keys, nil
}

// get reads the Applications. Those that a selector found and that are gone by now are
// left out.
func (r ArgoCDAppRef) get(ctx context.Context, c argocd.Client, refresh argocd.Refresh) ([]argocd.Application, error) {
	keys, err := r.find(ctx, c)
	if err != nil {
		return nil, err
	}
	found := make([]*argocd.Application, len(keys))
	calls, within := errgroup.WithContext(ctx)
	calls.SetLimit(parallelReads)
	for i, key := range keys {
		calls.Go(func() error {
			app, err := c.Get(within, key, refresh)
			var refused *argocd.Error
			switch {
			case r.Selector != nil && errors.As(err, &refused) && refused.Hidden():
				return nil
			case err != nil:
				return err
			}
			app.Metadata.Name = key.Name
			if app.Metadata.Namespace == "" {
				app.Metadata.Namespace = key.Namespace
			}
			found[i] = &app
			return nil
		})
	}
	if err := calls.Wait(); err != nil {
		return nil, err
	}
	apps := make([]argocd.Application, 0, len(found))
	for _, app := range found {
		if app != nil {
			apps = append(apps, *app)
		}
	}
	return apps, nil
}

// outputOf is what a step says of an Application.
func outputOf(c argocd.Client, app argocd.Application) ArgoCDAppOutput {
	out := ArgoCDAppOutput{Name: app.Metadata.Name, Namespace: argocd.Line(app.Metadata.Namespace, maxName), URL: c.Page(app.Key())}
	for _, revision := range app.Revisions() {
		if revision != "" {
			out.Revisions = append(out.Revisions, argocd.Line(revision, maxName))
		}
	}
	return out
}

// maxName bounds a name that comes from outside.
const maxName = 253
