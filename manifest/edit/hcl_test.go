package edit_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/manifest/edit"
)

func TestSetHCLKeepsEverythingElse(t *testing.T) {
	t.Parallel()
	checkEdits(t, edit.SetHCL, map[string]editCase{
		"variables":                   {"# top\nimage_uri     = \"a:1\" // keep\nreplica_count = 1\n", "image_uri", "a:2", "# top\nimage_uri     = \"a:2\" // keep\nreplica_count = 1\n"},
		"block with labels":           {"resource \"aws_instance\" \"web\" {\n  ami = \"a\" /* keep */\n}\n", "resource.aws_instance.web.ami", "b", "resource \"aws_instance\" \"web\" {\n  ami = \"b\" /* keep */\n}\n"},
		"label without quotes":        {"a b {\n  c = 1\n}\n", "a.b.c", 2, "a b {\n  c = 2\n}\n"},
		"label with a dot":            {"module \"a.b\" {\n  v = 1\n}\n", `module.a\.b.v`, 2, "module \"a.b\" {\n  v = 2\n}\n"},
		"block without labels":        {"terraform {\n  required_version = \">= 1\"\n}\n", "terraform.required_version", ">= 2", "terraform {\n  required_version = \">= 2\"\n}\n"},
		"block in a block":            {"terraform {\n  backend \"s3\" {\n    key = \"x\"\n  }\n}\n", "terraform.backend.s3.key", "y", "terraform {\n  backend \"s3\" {\n    key = \"y\"\n  }\n}\n"},
		"block on one line":           {"a { b = 1 }\n", "a.b", 2, "a { b = 2 }\n"},
		"object":                      {"locals {\n  tags = {\n    version = \"1\" # v\n    \"b.c\" : 2,\n  }\n}\n", "locals.tags.version", "2", "locals {\n  tags = {\n    version = \"2\" # v\n    \"b.c\" : 2,\n  }\n}\n"},
		"quoted object key":           {"t = { \"b.c\" : 2, (x) = 3 }\n", `t.b\.c`, 9, "t = { \"b.c\" : 9, (x) = 3 }\n"},
		"list":                        {"l = [\n  1, # one\n  \"two\",\n]\n", "l.1", "zwei", "l = [\n  1, # one\n  \"zwei\",\n]\n"},
		"blocks alike, by index":      {"provider \"aws\" {\n r = 1\n}\nprovider \"aws\" {\n r = 2\n}\n", "provider.aws.1.r", 9, "provider \"aws\" {\n r = 1\n}\nprovider \"aws\" {\n r = 9\n}\n"},
		"one of several labels":       {"v \"a\" {\n d = 1\n}\nv \"b\" {\n d = 1\n}\n", "v.b.d", 2, "v \"a\" {\n d = 1\n}\nv \"b\" {\n d = 2\n}\n"},
		"CRLF":                        {"a = 1\r\nb {\r\n\tc = 2 # x\r\n}\r\n", "b.c", 3, "a = 1\r\nb {\r\n\tc = 3 # x\r\n}\r\n"},
		"byte order mark":             {"\ufeffa = 1\n", "a", 2, "\ufeffa = 2\n"},
		"no final newline":            {"a = 1", "a", 2, "a = 2"},
		"heredoc":                     {"a = <<EOT\none\n  two\nEOT\nb = 1\n", "a", "x\ny\n", "a = \"x\\ny\\n\"\nb = 1\n"},
		"heredoc elsewhere":           {"a = <<-EOT\n   ${x} # no comment\n   b = 1\n  EOT\nb = 1\n", "b", 2, "a = <<-EOT\n   ${x} # no comment\n   b = 1\n  EOT\nb = 2\n"},
		"heredoc in an object":        {"o = {\n  a = <<EOT\nx\nEOT\n  b = 1\n}\n", "o.a", "y", "o = {\n  a = \"y\"\n  b = 1\n}\n"},
		"template elsewhere":          {"a = \"x-${var.b}-%{ if c }y%{ endif }\"\nb = 1\n", "b", 2, "a = \"x-${var.b}-%{ if c }y%{ endif }\"\nb = 2\n"},
		"template gives way":          {"a = \"x:${var.tag}\" # c\n", "a", "x:1", "a = \"x:1\" # c\n"},
		"reference gives way":         {"a = var.tag # c\n", "a", "1", "a = \"1\" # c\n"},
		"call gives way":              {"a = format(\"%s\", [1, 2]...) # c\n", "a", "1", "a = \"1\" # c\n"},
		"conditional gives way":       {"a = x ? 1 : 2 # c\n", "a", 3, "a = 3 # c\n"},
		"parentheses":                 {"a = (1) # c\n", "a", 3, "a = 3 # c\n"},
		"negative number":             {"a = -1 # c\n", "a", -3, "a = -3 # c\n"},
		"null gives way":              {"a = null\n", "a", true, "a = true\n"},
		"templates are no templates":  {"a = \"\"\n", "a", "${x} %{y} $${z}", "a = \"$${x} %%{y} $$${z}\"\n"},
		"characters that need quotes": {"a = \"\"\n", "a", "\"\\\n\t日", "a = \"\\\"\\\\\\n\\t日\"\n"},
		"a bool":                      {"a = \"no\"\n", "a", true, "a = true\n"},
		"a fraction":                  {"a = 1\n", "a", 0.25, "a = 0.25\n"},
		"an integer beyond 64 bits":   {"a = 1\n", "a", json.Number("123456789012345678901"), "a = 123456789012345678901\n"},
		"numbers elsewhere":           {"x = 1e400\ny = 123456789012345678901234567890\nz = 1.50\na = 1\n", "a", 2, "x = 1e400\ny = 123456789012345678901234567890\nz = 1.50\na = 2\n"},
		"for elsewhere":               {"f = { for k, v in m : k => v if v != null }\na = 1\n", "a", 2, "f = { for k, v in m : k => v if v != null }\na = 2\n"},
		"unicode key":                 {"日本 = 1\n", "日本", 2, "日本 = 2\n"},
		"dynamic block":               {"r \"a\" \"b\" {\n  dynamic \"x\" {\n    for_each = [1]\n    content {\n      v = 1\n    }\n  }\n}\n", "r.a.b.dynamic.x.content.v", 2, "r \"a\" \"b\" {\n  dynamic \"x\" {\n    for_each = [1]\n    content {\n      v = 2\n    }\n  }\n}\n"},
	})
}

func TestSetHCLRefuses(t *testing.T) {
	t.Parallel()
	checkRefusals(t, edit.SetHCL, map[string]refusal{
		"a key that is not there":      {"x = 1\nmodule \"vpc\" {\n  version = \"1\"\n}\n", "module.vpc.versio", "2", edit.ErrNotFound, `line 2, column 1: key "module.vpc.versio": there is no "versio" in "module.vpc"; did you mean "version"?`},
		"a label that is not there":    {"module \"vpc\" {\n  version = \"1\"\n}\n", "module.vcp.version", "2", edit.ErrNotFound, `did you mean "vpc"?`},
		"a block":                      {"a \"b\" {\n}\n", "a.b", 2, edit.ErrTarget, "the target is a map"},
		"an object":                    {"a = {}\n", "a", 2, edit.ErrTarget, "the target is a map"},
		"a list":                       {"a = [1]\n", "a", 2, edit.ErrTarget, "the target is a list"},
		"a for":                        {"a = [for x in y : x]\n", "a", 2, edit.ErrTarget, "the target is a map"},
		"blocks alike":                 {"p \"aws\" {\n r = 1\n}\np \"aws\" {\n r = 2\n}\n", "p.aws.r", 9, edit.ErrTarget, `there are 2 blocks "p.aws"; write an index from 0`},
		"an attribute named as blocks": {"a = 1\na {\n b = 1\n}\n", "a", 9, edit.ErrTarget, "more than once"},
		"null":                         {"a = 1\n", "a", nil, edit.ErrValue, "null"},
		"an attribute twice":           {"a = 1\na = 2\n", "a", 2, edit.ErrSyntax, "line 2, column 1: not valid HCL: Attribute redefined"},
		"what is not HCL":              {"a = 1\nb: 2\n", "a", 2, edit.ErrSyntax, "line 2"},
		"an empty file":                {"", "a", 2, edit.ErrNotFound, "there is no"},
		"within a template":            {"a = \"${var.x}\"\n", "a.x", 2, edit.ErrNotFound, "single value"},
		"nesting without end":          {"a = " + strings.Repeat("[", 1<<19), "a", 2, edit.ErrSyntax, "nested too deep"},
		"negation without end":         {"a = " + strings.Repeat("!", 1<<19) + "x", "a", 2, edit.ErrSyntax, "too many operators"},
		"templates without end":        {"a = " + strings.Repeat("\"${", 1<<17), "a", 2, edit.ErrSyntax, "nested too deep"},
		"a file that is too large":     {strings.Repeat("# x\n", 1<<18) + "a = 1\n", "a", 2, edit.ErrSyntax, "limit"},
	})
}

func TestGetHCL(t *testing.T) {
	t.Parallel()
	src := []byte("a = \"x\"\nb = -1.5\nc = null\nd = var.x\n")
	for key, want := range map[string]any{"a": "x", "b": -1.5, "c": nil, "d": "var.x"} {
		if got, err := edit.GetHCL(src, key); err != nil || got != want {
			t.Errorf("%s is %v, %v", key, got, err)
		}
	}
	if _, err := edit.GetHCL(src, "e"); !errors.Is(err, edit.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
