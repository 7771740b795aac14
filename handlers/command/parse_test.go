package command_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
)

func TestParseCommands(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("ab12", 10)
	tests := map[string]command.Command{
		"/promote prod":                                       {Verb: "promote", Stages: []string{"prod"}},
		"/kargo promote prod":                                 {Verb: "promote", Stages: []string{"prod"}},
		"/Promote prod":                                       {Verb: "promote", Stages: []string{"prod"}},
		"/promote  prod\t eu ":                                {Verb: "promote", Stages: []string{"prod", "eu"}},
		"/promote prod happy-fox":                             {Verb: "promote", Stages: []string{"prod", "happy-fox"}},
		"/promote prod latest":                                {Verb: "promote", Stages: []string{"prod"}, Freight: command.FreightRef{Kind: "latest", Text: "latest"}},
		"/promote prod eu This":                               {Verb: "promote", Stages: []string{"prod", "eu"}, Freight: command.FreightRef{Kind: "this", Text: "this"}},
		"/promote prod ABCDEF1":                               {Verb: "promote", Stages: []string{"prod"}, Freight: command.FreightRef{Kind: "id", Text: "abcdef1"}},
		"/promote prod " + id:                                 {Verb: "promote", Stages: []string{"prod"}, Freight: command.FreightRef{Kind: "id", Text: id}},
		"/promote prod abcdef":                                {Verb: "promote", Stages: []string{"prod", "abcdef"}},
		"/promote prod web@1.9.3":                             {Verb: "promote", Stages: []string{"prod"}, Freight: command.FreightRef{Kind: "artifact", Text: "web@1.9.3", Artifact: "web", Version: "1.9.3"}},
		"/promote prod a/web@sha256:ab12":                     {Verb: "promote", Stages: []string{"prod"}, Freight: command.FreightRef{Kind: "artifact", Text: "a/web@sha256:ab12", Artifact: "a/web", Version: "sha256:ab12"}},
		"/promote prod --dry-run":                             {Verb: "promote", Stages: []string{"prod"}, DryRun: true},
		"/promote --downstream test this":                     {Verb: "promote", Stages: []string{"test"}, Freight: command.FreightRef{Kind: "this", Text: "this"}, Downstream: true},
		"/promote prod -- fix -- of #1 ü":                     {Verb: "promote", Stages: []string{"prod"}, Reason: "fix -- of #1 ü"},
		"/promote latest":                                     {Verb: "promote", Stages: []string{"latest"}},
		"/rollback prod":                                      {Verb: "rollback", Stages: []string{"prod"}},
		"/rollback prod happy-fox":                            {Verb: "rollback", Stages: []string{"prod"}, Freight: command.FreightRef{Kind: "alias", Text: "happy-fox"}},
		"/kargo rollback prod previous":                       {Verb: "rollback", Stages: []string{"prod"}, Freight: command.FreightRef{Kind: "previous", Text: "previous"}},
		"/kargo status":                                       {Verb: "status"},
		"/KARGO Status prod":                                  {Verb: "status", Stages: []string{"prod"}},
		"/kargo where":                                        {Verb: "where"},
		"/kargo diff prod latest":                             {Verb: "diff", Stages: []string{"prod"}, Freight: command.FreightRef{Kind: "latest", Text: "latest"}},
		"/kargo why prod":                                     {Verb: "why", Stages: []string{"prod"}},
		"/kargo freight":                                      {Verb: "freight"},
		"/kargo help":                                         {Verb: "help"},
		"/kargo approve prod":                                 {Verb: "approve", Stages: []string{"prod"}},
		"/kargo approve prod --bypass -- hotfix":              {Verb: "approve", Stages: []string{"prod"}, Bypass: true, Reason: "hotfix"},
		"/kargo answer prod ticket=CHG-7 n=3 -- as agreed":    {Verb: "answer", Stages: []string{"prod"}, Values: map[string]string{"ticket": "CHG-7", "n": "3"}, Reason: "as agreed"},
		"/kargo answer prod":                                  {Verb: "answer", Stages: []string{"prod"}},
		"/kargo reject prod -- broken":                        {Verb: "reject", Stages: []string{"prod"}, Reason: "broken"},
		"/kargo verify prod --abort":                          {Verb: "verify", Stages: []string{"prod"}, Stop: true},
		"/kargo abort":                                        {Verb: "abort"},
		"/kargo abort prod-142":                               {Verb: "abort", Promotion: "prod-142"},
		"/kargo retry prod-142":                               {Verb: "retry", Promotion: "prod-142"},
		"/kargo hold prod -- 👩‍💻 an der Arbeit":               {Verb: "hold", Stages: []string{"prod"}, Reason: "👩‍💻 an der Arbeit"},
		"/kargo resume prod":                                  {Verb: "resume", Stages: []string{"prod"}},
		"/kargo freeze -- sale":                               {Verb: "freeze", Reason: "sale"},
		"/kargo freeze --until 24h -- sale":                   {Verb: "freeze", Until: 24 * time.Hour, Reason: "sale"},
		"/kargo freeze --until=7d -- sale":                    {Verb: "freeze", Until: 7 * 24 * time.Hour, Reason: "sale"},
		"/kargo freeze shop --until 2h -- sale":               {Verb: "freeze", Pipeline: "shop", Until: 2 * time.Hour, Reason: "sale"},
		"/kargo thaw shop":                                    {Verb: "thaw", Pipeline: "shop"},
		"/kargo thaw":                                         {Verb: "thaw"},
		"/kargo alias abcdef1 big-one":                        {Verb: "alias", Freight: command.FreightRef{Kind: "id", Text: "abcdef1"}, Name: "big-one"},
		"/kargo refresh":                                      {Verb: "refresh"},
		"/kargo refresh web":                                  {Verb: "refresh", Warehouse: "web"},
		"/kargo create web@1.9.3 ghcr.io/a/db@2.0.0":          {Verb: "create", Artifacts: []string{"web@1.9.3", "ghcr.io/a/db@2.0.0"}},
		"/kargo create localhost:5000/db:2_0":                 {Verb: "create", Artifacts: []string{"localhost:5000/db:2_0"}},
		"/kargo create a/db:2@sha256:ab --warehouse shop/web": {Verb: "create", Warehouse: "shop/web", Artifacts: []string{"a/db:2@sha256:ab"}},
		"/kargo create oci://a/chart@1.0.0+b":                 {Verb: "create", Artifacts: []string{"oci://a/chart@1.0.0+b"}},
		"/kargo retry --from-start":                           {Verb: "retry", FromStart: true},
		"/kargo delete happy-fox":                             {Verb: "delete", Freight: command.FreightRef{Kind: "alias", Text: "happy-fox"}},
		"/kargo freight web":                                  {Verb: "freight", Warehouse: "web"},
		"/promote shop/prod":                                  {Verb: "promote", Stages: []string{"shop/prod"}},
		"/kargo abort shop/prod-3":                            {Verb: "abort", Promotion: "shop/prod-3"},
	}
	for body, want := range tests {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			want.Line = 1
			r := command.Parse(body)
			if diff := cmp.Diff(command.Result{Commands: []command.Command{want}}, r); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			again := command.Parse(r.Commands[0].String())
			if diff := cmp.Diff(r, again); diff != "" {
				t.Errorf("%q parses differently (-first +again):\n%s", r.Commands[0], diff)
			}
		})
	}
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	const available = "commands: promote, rollback, status, where, diff, why, freight, help, approve, reject, answer, verify, abort, retry, hold, resume, freeze, thaw, alias, refresh, create, delete; `/kargo help` explains them"
	const promote = "usage: `/promote <stage...> [freight] [--dry-run] [--downstream]`"
	tests := map[string]struct{ body, message, hint string }{
		"unknown command":           {"/kargo stauts", "there is no command `/kargo stauts`; did you mean `status`?", available},
		"unlike any command":        {"/kargo dance", "there is no command `/kargo dance`", available},
		"no command":                {"/kargo", "`/kargo` needs a command", "`/kargo help` lists them"},
		"slip in a short form":      {"/promot prod", "there is no command `/promot`; did you mean `/promote`?", ""},
		"no Stage":                  {"/promote", "`/promote` needs a Stage", promote},
		"only a flag":               {"/promote --dry-run", "`/promote` needs a Stage", promote},
		"unknown flag":              {"/promote prod --dryrun", "`/promote` has no flag `--dryrun`; did you mean `--dry-run`?", promote},
		"flag with one dash":        {"/promote prod -dry-run", "`/promote` has no flag `-dry-run`; did you mean `--dry-run`?", promote},
		"flag twice":                {"/promote prod --dry-run --dry-run", "`--dry-run` is given twice", ""},
		"switch with a value":       {"/promote prod --dry-run=yes", "`--dry-run` takes no value", ""},
		"Stage twice":               {"/promote prod prod", "`prod` is named twice", ""},
		"Freight before a Stage":    {"/promote web@1.9 prod", "`web@1.9` cannot be a Stage", promote},
		"odd name":                  {"/promote /etc/passwd", "`/etc/passwd` cannot be a Stage", promote},
		"long name":                 {"/promote " + strings.Repeat("a", 300), "`" + strings.Repeat("a", 60) + "...` cannot be a Stage", promote},
		"too many arguments":        {"/kargo status a b", "`b` is one argument too many for `/kargo status`", "usage: `/kargo status [stage]`"},
		"no arguments wanted":       {"/kargo help me", "`/kargo help` takes no argument, but there is `me`", "usage: `/kargo help`"},
		"empty reason":              {"/promote prod --", "there is no reason after ` -- `", ""},
		"long reason":               {"/promote prod -- " + strings.Repeat("ü", 501), "the reason is longer than 500 characters", ""},
		"reordering reason":         {"/promote prod -- a\u202eb", "the reason has in it the invisible character U+202E", ""},
		"long line":                 {"/promote " + strings.Repeat("a ", 1000), "the command is longer than 2000 bytes", ""},
		"many words":                {"/promote " + strings.Repeat("a ", 40), "the command has more than 32 words", ""},
		"Cyrillic in a Stage":       {"/promote pr\u043ed", "the command has in it the letter U+043E, which is none of a to z although it may look like one", ""},
		"Cyrillic in the command":   {"/pr\u043emote prod", "the command has in it the letter U+043E, which is none of a to z although it may look like one", ""},
		"Cyrillic in kargo":         {"/k\u0430rgo help", "the command has in it the letter U+0430, which is none of a to z although it may look like one", ""},
		"full width":                {"/promote ｐrod", "the command has in it the letter U+FF50, which is none of a to z although it may look like one", ""},
		"zero width in a Stage":     {"/promote pr\u200bod", "the command has in it the invisible character U+200B; delete it and type the word again", ""},
		"zero width in the command": {"/pro\u200bmote prod", "the command has in it the invisible character U+200B; delete it and type the word again", ""},
		"zero width before it":      {"\u200b/promote prod", "the command has in it the invisible character U+200B; delete it and type the word again", ""},
		"byte order mark":           {"\ufeff/promote prod", "the command has in it the invisible character U+FEFF; delete it and type the word again", ""},
		"special space":             {"/promote\u00a0prod", "the command has in it the special space U+00A0; type a plain space", ""},
		"dash by autocorrection":    {"/promote prod —dry-run", "the command has in it the dash U+2014, probably put there by autocorrection; type `-` or `--`", ""},
		"Markdown in a name":        {"/promote `prod`", "the command has in it the character U+0060", ""},
		"mention in a name":         {"/promote prod*", "the command has in it the character `*`", ""},
		"invalid UTF-8":             {"/promote \xff", "the command has in it bytes that are not valid UTF-8", ""},
		"lazy quotation":            {"> said\n/promote prod", "the command continues the quotation above it, so it is taken for a part of that", "leave an empty line before it"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command.Parse(tt.body)
			if len(r.Problems) != 1 || r.Commands != nil {
				t.Fatalf("got %+v, want one problem", r)
			}
			if diff := cmp.Diff([]string{tt.message, tt.hint}, []string{r.Problems[0].Message, r.Problems[0].Hint}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var user *pipeline.UserError
			if !errors.As(r.Err(), &user) || user.Message != tt.message {
				t.Errorf("Err() = %v", r.Err())
			}
		})
	}
}

func TestParseProblemsOfOtherCommands(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"/kargo reject prod":               "`/kargo reject` needs a reason after ` -- `",
		"/kargo approve prod --bypass":     "`/kargo approve` needs a reason after ` -- `",
		"/kargo freeze --until -- sale":    "`--until` needs a duration",
		"/kargo freeze --until 1w -- sale": "`1w` is not a duration",
		"/kargo freeze --until 0h -- sale": "`0h` is not a duration",
		"/kargo freeze --until 999d -- no": "`999d` is not a duration",
		"/kargo create web":                "`web` cannot be an artifact like `web@1.9.3`",
		"/kargo create localhost:5000/web": "`localhost:5000/web` cannot be an artifact like `web@1.9.3`",
		"/kargo create a@1 --warehouse":    "`--warehouse` needs a name",
		"/kargo create a@1 --warehouse=*":  "the command has in it the character `*`",
		"/kargo alias happy-fox latest":    "`latest` would mean other Freight and cannot be a name",
		"/kargo alias happy-fox abcdef12":  "`abcdef12` would mean other Freight and cannot be a name",
		"/kargo alias abcdef1":             "`/kargo alias` needs a name",
	}
	for body, want := range tests {
		r := command.Parse(body)
		if len(r.Problems) != 1 || r.Problems[0].Message != want {
			t.Errorf("%s: got %+v, want %q", body, r, want)
		}
	}
}

func TestParseHeedsMarkdown(t *testing.T) {
	t.Parallel()
	const c = "/promote prod"
	tests := map[string]struct {
		body string
		line int // of the only command; 0 for none
	}{
		"alone":                             {c, 1},
		"with an empty line after it":       {c + "\n\n", 1},
		"with CRLF":                         {"hello\r\n\r\n" + c + "\r\n", 3},
		"with CR":                           {"hello\r\r" + c + "\r", 3},
		"within a paragraph":                {"hello\n" + c + "\nthanks", 2},
		"above a line of dashes":            {c + "\n---\nsent from a phone", 1},
		"right after a list":                {"- one\n" + c, 2},
		"after a closed fence":              {"```\nx\n```\n" + c, 4},
		"after a quotation and a blank":     {"> x\n\n" + c, 3},
		"after an HTML comment":             {"<!-- x -->\n\n" + c, 3},
		"inside details, apart":             {"<details>\n\n" + c + "\n\n</details>", 3},
		"after closed HTML code":            {"<code>x</code>\n\n" + c, 3},
		"after an unclosed inline fence":    {"```not a fence``` x\n" + c, 2},
		"indented":                          {" " + c, 0},
		"in mid line":                       {"please " + c, 0},
		"indented code":                     {"x\n\n    " + c, 0},
		"indented with a tab":               {"\t" + c, 0},
		"backtick fence":                    {"```\n" + c + "\n```", 0},
		"tilde fence":                       {"~~~ sh\n" + c + "\n~~~", 0},
		"indented fence":                    {"   ```\n" + c + "\n   ```", 0},
		"fence never closed":                {"```\n" + c, 0},
		"shorter fence does not close":      {"````\n```\n" + c + "\n````", 0},
		"other fence does not close":        {"```\n~~~\n" + c + "\n```", 0},
		"closing fence takes no word":       {"```\n``` x\n" + c + "\n```", 0},
		"deep closing fence does not close": {"```\n    ```\n" + c + "\n```", 0},
		"quotation":                         {"> " + c, 0},
		"quotation without a space":         {">" + c, 0},
		"nested quotation":                  {"> > " + c, 0},
		"fence in a quotation":              {"> ```\n> " + c + "\n> ```", 0},
		"code over several lines":           {"a `b\n" + c + "\nc` d", 0},
		"HTML comment":                      {"<!--\n" + c + "\n-->", 0},
		"HTML comment with blank lines":     {"<!--\n\n" + c + "\n\n-->", 0},
		"HTML comment in a paragraph":       {"x <!--\n" + c + "\n--> y", 0},
		"HTML comment never closed":         {"<!--\n\n" + c, 0},
		"pre":                               {"<pre>\n\n" + c + "\n\n</pre>", 0},
		"HTML code":                         {"<div><code>\n\n" + c + "\n\n</code></div>", 0},
		"HTML quotation":                    {"<blockquote>\n\n" + c + "\n\n</blockquote>", 0},
		"HTML quotation in a paragraph":     {"x <blockquote>\n\n" + c, 0},
		"closing tag in an attribute":       {"<blockquote>\n\n<a title=\"</blockquote>\">\n\n" + c, 0},
		"inside details, hidden":            {"<details>\n" + c + "\n</details>", 0},
		"text of a link":                    {"[x\n" + c + "](http://x)", 0},
		"text of a picture":                 {"![x\n" + c + "](http://x)", 0},
		"escaped":                           {"\\" + c, 0},
		"another program's command":         {"/lgtm\n/hold", 0},
		"a path":                            {"/promote.yaml is wrong\n/kargo/x too", 0},
		"nothing":                           {"", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want command.Result
			if tt.line > 0 {
				want.Commands = []command.Command{{Verb: command.VerbPromote, Line: tt.line, Stages: []string{"prod"}}}
			}
			if diff := cmp.Diff(want, command.Parse(tt.body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseIsAllOrNothing(t *testing.T) {
	t.Parallel()
	r := command.Parse("/promote prod\n\n/promote\n/kargo dance\n")
	if r.Commands != nil || len(r.Problems) != 2 {
		t.Fatalf("got %+v", r)
	}
	want := "nothing was done, because not all of the commands can be carried out:\n\n" +
		"- line 3: `/promote` needs a Stage (usage: `/promote <stage...> [freight] [--dry-run] [--downstream]`)\n" +
		"- line 4: there is no command `/kargo dance` (commands: promote, rollback, status, where, diff, why, freight, help, approve, reject, answer, verify, abort, retry, hold, resume, freeze, thaw, alias, refresh, create, delete; `/kargo help` explains them)"
	if diff := cmp.Diff(want, r.Err().Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseKeepsTheOrderOfSeveralCommands(t *testing.T) {
	t.Parallel()
	r := command.Parse("/promote test\n/promote prod -- now\ntext\n/kargo status\n")
	var got []string
	for _, c := range r.Commands {
		got = append(got, c.String())
	}
	if diff := cmp.Diff([]string{"/promote test", "/promote prod -- now", "/kargo status"}, got); diff != "" || r.Err() != nil {
		t.Errorf("%v (-want +got):\n%s", r.Err(), diff)
	}
}

func TestParseLimitsTheNumberOfCommands(t *testing.T) {
	t.Parallel()
	if r := command.Parse(strings.Repeat("/kargo status\n", 10)); len(r.Commands) != 10 {
		t.Errorf("10 lines: got %+v", r)
	}
	if r := command.Parse(strings.Repeat("/kargo status\n", 500)); r.Commands != nil || len(r.Problems) > 20 || r.Err() == nil {
		t.Errorf("500 lines: got %d commands, %d problems", len(r.Commands), len(r.Problems))
	}
}

func TestParseIgnoresAbsurdNesting(t *testing.T) {
	t.Parallel()
	for _, mark := range []string{">", "> ", "- ", "* + ", "1. ", "> 2) "} {
		deep := "/kargo help\n\n" + strings.Repeat(mark, 101) + "x\n"
		if r := command.Parse(deep); len(r.Commands)+len(r.Problems) > 0 {
			t.Errorf("%q 101 times: got %+v", mark, r)
		}
		shallow := "/kargo help\n\n" + strings.Repeat(mark, 10) + "x\n"
		if r := command.Parse(shallow); len(r.Commands) != 1 {
			t.Errorf("%q 10 times: got %+v", mark, r)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	stages := []string{"test", "prod", "prod-eu", "latest"}
	tests := map[string]struct {
		body    string
		stages  []string
		freight command.FreightKind
		err     string
	}{
		"a Stage":                         {"/promote prod", []string{"prod"}, "", ""},
		"several Stages":                  {"/promote prod prod-eu", []string{"prod", "prod-eu"}, "", ""},
		"the last word is an alias":       {"/promote prod happy-fox", []string{"prod"}, "alias", ""},
		"a Stage wins over a reference":   {"/promote prod latest", []string{"prod", "latest"}, "", ""},
		"a reference stays one":           {"/promote prod this", []string{"prod"}, "this", ""},
		"a slip in the last word":         {"/promote test prodd", nil, "", "there is no Stage \"prodd\" (did you mean \"prod\"? Stages: test, prod, prod-eu, latest)"},
		"an unknown Stage":                {"/promote banana", nil, "", "there is no Stage \"banana\" (Stages: test, prod, prod-eu, latest)"},
		"an unknown Stage in the middle":  {"/promote banana prod", nil, "", "there is no Stage \"banana\" (Stages: test, prod, prod-eu, latest)"},
		"a verb without Stages":           {"/kargo help", nil, "", ""},
		"a verb with a Stage and Freight": {"/kargo why prod happy-fox", []string{"prod"}, "alias", ""},
		"case is a slip":                  {"/kargo why PROD", nil, "", "there is no Stage \"PROD\" (did you mean \"prod\"? Stages: test, prod, prod-eu, latest)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command.Parse(tt.body)
			if r.Err() != nil {
				t.Fatal(r.Err())
			}
			got, err := r.Commands[0].Resolve(stages)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.stages, got.Stages); diff != "" || got.Freight.Kind != tt.freight {
				t.Errorf("freight %q, stages (-want +got):\n%s", got.Freight.Kind, diff)
			}
		})
	}
}

func TestResolveAmongSeveralPipelines(t *testing.T) {
	t.Parallel()
	stages := []string{"prod", "shop/test", "shop/prod", "blog/test", "shop/canary"}
	tests := map[string]struct {
		body, want, err string
	}{
		"a qualified name":                    {"/kargo why shop/test", "shop/test", ""},
		"a name that is unique":               {"/kargo why canary", "shop/canary", ""},
		"an exact name wins":                  {"/kargo why prod", "prod", ""},
		"a name of several pipelines":         {"/kargo why test", "", `there are 2 Stages called "test" (name the pipeline too: shop/test, blog/test)`},
		"part of a name is none":              {"/kargo why anary", "", `there is no Stage "anary" (did you mean "shop/canary"? Stages: prod, shop/test, shop/prod, blog/test, shop/canary)`},
		"a slip behind the slash":             {"/kargo why shop/tset", "", `there is no Stage "shop/tset" (did you mean "shop/test"? Stages: prod, shop/test, shop/prod, blog/test, shop/canary)`},
		"one Stage under two names":           {"/promote canary shop/canary", "", `Stage "shop/canary" is named twice`},
		"a unique name as the last of many":   {"/promote shop/test canary", "shop/test shop/canary", ""},
		"a slip in a last word is no Freight": {"/promote shop/test cnary", "", `there is no Stage "cnary" (did you mean "shop/canary"? Stages: prod, shop/test, shop/prod, blog/test, shop/canary)`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := command.Parse(tt.body).Commands[0].Resolve(stages)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || strings.Join(got.Stages, " ") != tt.want {
				t.Errorf("got %q, %v; want %q", got.Stages, err, tt.want)
			}
		})
	}
}

func TestFreightThatExistsIsNoSlipInAStage(t *testing.T) {
	t.Parallel()
	stages := []string{"rc1", "prod"}
	exists := func(freight string) bool { return freight == "rc2" || freight == "prod" }
	for body, want := range map[string]struct {
		stages []string
		text   string
	}{
		"/promote prod rc2":  {[]string{"prod"}, "rc2"},
		"/promote rc1 prod":  {[]string{"rc1", "prod"}, ""},
		"/promote rc2":       {[]string{"rc2"}, ""},
		"/promote prod rc3":  {[]string{"prod", "rc3"}, ""},
		"/promote prod this": {[]string{"prod"}, "this"},
	} {
		got := command.Parse(body).Commands[0].NamingFreight(stages, exists)
		if diff := cmp.Diff(want.stages, got.Stages); diff != "" || got.Freight.Text != want.text {
			t.Errorf("%s: freight %q, stages (-want +got):\n%s", body, got.Freight.Text, diff)
		}
	}
}
