package pipeline_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestAutoPromotion(t *testing.T) {
	t.Parallel()
	policy := func(name string, enabled bool, labels map[string]string) pipeline.PromotionPolicy {
		return pipeline.PromotionPolicy{Selector: pipeline.StageSelector{Name: name, MatchLabels: labels}, AutoPromotionEnabled: enabled}
	}
	eu := map[string]string{"region": "eu"}
	tests := map[string]struct {
		policies []pipeline.PromotionPolicy
		want     bool
	}{
		"no policy is off":                         {nil, false},
		"an exact name":                            {[]pipeline.PromotionPolicy{policy("prod-eu", true, nil)}, true},
		"part of a name is not the name":           {[]pipeline.PromotionPolicy{policy("prod", true, nil)}, false},
		"a glob":                                   {[]pipeline.PromotionPolicy{policy("glob:prod-*", true, nil)}, true},
		"a glob matches the whole name":            {[]pipeline.PromotionPolicy{policy("glob:prod", true, nil)}, false},
		"a regex is not anchored":                  {[]pipeline.PromotionPolicy{policy("regex:od-", true, nil)}, true},
		"regexp is the same":                       {[]pipeline.PromotionPolicy{policy("regexp:^prod", true, nil)}, true},
		"a malformed pattern matches nothing":      {[]pipeline.PromotionPolicy{policy("regex:(", true, nil), policy("glob:[", true, nil)}, false},
		"an empty selector matches all":            {[]pipeline.PromotionPolicy{policy("", true, nil)}, true},
		"labels must match":                        {[]pipeline.PromotionPolicy{policy("", true, map[string]string{"region": "us"})}, false},
		"a label that is missing does not match":   {[]pipeline.PromotionPolicy{policy("", true, map[string]string{"tier": ""})}, false},
		"name and labels both":                     {[]pipeline.PromotionPolicy{policy("glob:*", true, eu)}, true},
		"labels do not help another name":          {[]pipeline.PromotionPolicy{policy("other", true, eu)}, false},
		"the first match wins even if it disables": {[]pipeline.PromotionPolicy{policy("", false, eu), policy("prod-eu", true, nil)}, false},
		"one that does not match is passed over":   {[]pipeline.PromotionPolicy{policy("test", false, nil), policy("prod-eu", true, nil)}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pipeline.Pipeline{Policies: tt.policies}
			if got := p.AutoPromotion(pipeline.Stage{Name: "prod-eu", Labels: eu}); got != tt.want {
				t.Errorf("got %v", got)
			}
			if len(tt.policies) == 1 {
				if got := tt.policies[0].Selector.Matches(pipeline.Stage{Name: "prod-eu", Labels: eu}); got != tt.want {
					t.Errorf("Matches: got %v", got)
				}
			}
		})
	}
}

func TestMatchName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"prod", "prod", true},
		{"", "prod", false},
		{"", "", true},
		{"glob:*", "prod", true},
		{"odd:prod", "prod", false},
		{"odd:prod", "odd:prod", true},
	} {
		if got := pipeline.MatchName(tt.pattern, tt.name); got != tt.want {
			t.Errorf("MatchName(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entries []string
		actor   pipeline.Actor
		want    bool
	}{
		"a role":                  {[]string{"role:write"}, pipeline.Actor{Login: "ana", Role: "write"}, true},
		"a greater role":          {[]string{"role:write"}, pipeline.Actor{Login: "ana", Role: "admin"}, true},
		"a lesser role":           {[]string{"role:maintain"}, pipeline.Actor{Login: "ana", Role: "write"}, false},
		"an unknown role is none": {[]string{"role:write"}, pipeline.Actor{Login: "ana", Role: "king"}, false},
		"a role that everybody has admits nobody": {[]string{"role:none", "role:read", "role:odd"}, pipeline.Actor{Login: "ana", Role: "read"}, false},
		"a login in any case":                     {[]string{"Ana"}, pipeline.Actor{Login: "ana"}, true},
		"a login after @":                         {[]string{"@ana"}, pipeline.Actor{Login: "ana"}, true},
		"another login":                           {[]string{"bob"}, pipeline.Actor{Login: "ana"}, false},
		"nobody is not a login":                   {[]string{"", "@"}, pipeline.Actor{}, false},
		"a team":                                  {[]string{"@acme/ops"}, pipeline.Actor{Login: "ana", Teams: []string{"@Acme/Ops"}}, true},
		"another team":                            {[]string{"@acme/ops"}, pipeline.Actor{Login: "ana", Teams: []string{"@acme/dev"}}, false},
		"a team is not a login":                   {[]string{"@acme/ops"}, pipeline.Actor{Login: "acme/ops"}, false},
		"no entries admit nobody":                 {nil, pipeline.Actor{Login: "ana", Role: "admin"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := pipeline.Allows(tt.entries, tt.actor); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestWho(t *testing.T) {
	t.Parallel()
	own := pipeline.Stage{Name: "prod", Access: pipeline.Access{Promote: []string{"@acme/ops"}}}
	p := pipeline.Pipeline{Access: pipeline.Access{Promote: []string{"role:admin"}}, Stages: []pipeline.Stage{own}}
	for _, tt := range []struct {
		name  string
		p     pipeline.Pipeline
		stage pipeline.Stage
		verb  pipeline.Verb
		want  string
	}{
		{"the Stage's own list first", p, own, pipeline.VerbPromote, "@acme/ops"},
		{"else the pipeline's", p, pipeline.Stage{}, pipeline.VerbPromote, "role:admin"},
		{"each verb by itself", p, own, pipeline.VerbAbort, "role:write"},
		{"write by default", pipeline.Pipeline{}, pipeline.Stage{}, pipeline.VerbPromote, "role:write"},
	} {
		if got := tt.p.Who(tt.verb, tt.stage); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: got %q", tt.name, got)
		}
	}
	if got := p.Teams(); len(got) != 1 || got[0] != "@acme/ops" {
		t.Errorf("teams %q", got)
	}
	err := p.Authorize(pipeline.VerbPromote, own, pipeline.Actor{Login: "ana"})
	if want := `ana may not promote Stage "prod": that takes acme/ops, and their role here is none`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
