package kargofile

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-containerregistry/pkg/name"
)

// Bounds on patterns, which are matched against outside text many times.
const (
	maxLabel       = 63
	maxPattern     = 1000
	maxGlob        = 200
	maxGlobChoices = 4
)

var (
	labelForm    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	aliasForm    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$`)
	reservedForm = regexp.MustCompile(`^(step|task)-[0-9]+$`)
	tagForm      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9_.]+)?$`)
	scpForm      = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^\s:][^\s]*$`)
	loginForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?$`)
	teamForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$`)
	chartForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,249}$`)
	badRefForm   = regexp.MustCompile(`[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|^[-/.]|/\.|[/.]$|\.lock(/|$)|^@$`)
)

// checkLabel admits names that can be part of branch names, URLs and commands.
func checkLabel(s string) error {
	if labelForm.MatchString(s) {
		return nil
	}
	suggestion := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '.' || r == ' ' || r == '/':
			return '-'
		}
		return r
	}, cut(s))
	if !labelForm.MatchString(suggestion) {
		suggestion = ""
	}
	return &invalid{
		message:    fmt.Sprintf("%s is not a valid name", quoted(s)),
		expected:   "lower-case letters, digits and dashes, at most 63",
		suggestion: suggestion,
	}
}

func checkVariable(s string) error {
	if variableForm.MatchString(s) {
		return nil
	}
	return &invalid{message: fmt.Sprintf("%s is not a valid variable name", quoted(s)), expected: "letters, digits and underscores"}
}

func checkAlias(s string) error {
	switch {
	case reservedForm.MatchString(s):
		return &invalid{message: fmt.Sprintf("the alias %s is reserved for steps without one", quoted(s)), expected: "another alias"}
	case !aliasForm.MatchString(s):
		return &invalid{message: fmt.Sprintf("%s is not a valid alias", quoted(s)), expected: "letters, digits, dashes and underscores"}
	}
	return nil
}

func checkRegex(s string) error {
	if len(s) > maxPattern {
		return &invalid{message: "the regular expression is too long", expected: fmt.Sprintf("at most %d bytes", maxPattern)}
	}
	_, err := regexp.Compile(s)
	if err == nil {
		return nil
	}
	e := &invalid{message: "invalid regular expression: " + err.Error(), expected: "RE2 syntax"}
	if cause, ok := errors.AsType[*syntax.Error](err); ok {
		e.message = "invalid regular expression: " + cause.Code.String()
		if at := strings.Index(s, cause.Expr); cause.Expr != "" && at > 0 {
			e.offset = at
		}
	}
	return e
}

func checkGlob(s string) error {
	switch {
	case len(s) > maxGlob || strings.Count(s, "{") > maxGlobChoices:
		return &invalid{
			message:  "the glob is too complicated",
			expected: fmt.Sprintf("at most %d bytes with %d {choices}", maxGlob, maxGlobChoices),
		}
	case !doublestar.ValidatePattern(s):
		return &invalid{message: fmt.Sprintf("invalid glob %s", quoted(s)), expected: "*, **, ?, [class] and {choice,choice}"}
	}
	return nil
}

// checkPattern admits Kargo's pattern form: exact, or after glob:, regex: or regexp:.
func checkPattern(s string) error {
	kind, rest, found := strings.Cut(s, ":")
	if !found {
		return nil
	}
	var err error
	switch kind {
	case "glob":
		err = checkGlob(rest)
	case "regex", "regexp":
		err = checkRegex(rest)
	default:
		return &invalid{message: fmt.Sprintf("unknown kind of pattern %s", quoted(kind)), expected: "glob: or regex:"}
	}
	if err != nil {
		e := asInvalid(err)
		e.offset += len(kind) + 1
		return e
	}
	return nil
}

// checkPathPattern admits a pattern over paths, whose exact form is a prefix.
func checkPathPattern(s string) error {
	if strings.HasPrefix(s, "glob:") || strings.HasPrefix(s, "regex:") || strings.HasPrefix(s, "regexp:") {
		return checkPattern(s)
	}
	return checkPath(s)
}

// checkPath admits paths that stay in the repository and out of .git.
func checkPath(s string) error {
	clean := path.Clean(s)
	first, _, _ := strings.Cut(clean, "/")
	switch {
	case path.IsAbs(s):
		return &invalid{message: fmt.Sprintf("%s is absolute", quoted(s)), expected: "a path relative to the root of the repository"}
	case first == "..":
		return &invalid{message: fmt.Sprintf("%s leaves the repository", quoted(s)), expected: "a path relative to the root of the repository"}
	case strings.ContainsAny(s, "\\\x00\n"):
		return &invalid{message: fmt.Sprintf("%s is not a path", quoted(s)), expected: "names separated by slashes"}
	case strings.EqualFold(first, ".git"):
		return &invalid{message: ".git is not part of the repository's content", expected: "a path in the repository"}
	}
	return nil
}

func checkConstraint(s string) error {
	if len(s) > maxPattern {
		return &invalid{message: "the version constraint is too long", expected: fmt.Sprintf("at most %d bytes", maxPattern)}
	}
	if _, err := semver.NewConstraint(s); err != nil {
		return &invalid{
			message:  fmt.Sprintf("%s is not a version constraint", quoted(s)),
			expected: "a range such as ^1.2.0 or >=1.2 <2",
		}
	}
	return nil
}

func checkTag(s string) error {
	if tagForm.MatchString(s) {
		return nil
	}
	return &invalid{message: fmt.Sprintf("%s is not an image tag", quoted(s)), expected: "the mutable tag to follow, such as latest"}
}

func checkPlatform(s string) error {
	if platformForm.MatchString(s) {
		return nil
	}
	return &invalid{message: fmt.Sprintf("%s is not a platform", quoted(s)), expected: "os/arch such as linux/amd64"}
}

// checkImage admits a repository without scheme, tag and digest.
func checkImage(s string) error {
	const form = "a repository such as ghcr.io/acme/web"
	if _, rest, ok := strings.Cut(s, "://"); ok {
		return &invalid{message: "an image repository has no scheme", expected: form, suggestion: cut(rest)}
	}
	if _, err := name.NewRepository(s); err == nil {
		return nil
	}
	if ref, err := name.ParseReference(s); err == nil {
		bare, _, _ := strings.Cut(s, "@")
		if tag, ok := ref.(name.Tag); ok {
			bare = strings.TrimSuffix(bare, ":"+tag.TagStr())
		}
		return &invalid{message: "an image repository has neither tag nor digest", expected: form, suggestion: cut(bare)}
	}
	return &invalid{message: fmt.Sprintf("%s is not an image repository", quoted(s)), expected: form}
}

// checkGitURL admits the URL of a repository to clone, without a password.
func checkGitURL(s string) error {
	const form = "a URL such as https://github.com/acme/web"
	if len(s) <= maxPattern && scpForm.MatchString(s) {
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || len(s) > maxPattern || u.Host == "" || strings.Trim(u.Path, "/") == "" || strings.ContainsAny(s, " \t\r\n"):
		return &invalid{message: fmt.Sprintf("%s is not the URL of a Git repository", quoted(s)), expected: form}
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return &invalid{message: fmt.Sprintf("the scheme %s is not supported", quoted(u.Scheme)), expected: form}
	case u.RawQuery != "" || u.Fragment != "":
		return &invalid{message: "the URL has a query or fragment", expected: form}
	}
	if _, secret := u.User.Password(); secret || u.User != nil && u.Scheme != "ssh" {
		return &invalid{message: "the URL holds credentials", expected: form}
	}
	return nil
}

const ociScheme = "oci://"

// checkChartURL admits a classic chart repository, or one chart in an OCI registry.
func checkChartURL(s string) error {
	const form = "https://charts.example.com or oci://ghcr.io/acme/charts/web"
	if rest, ok := strings.CutPrefix(s, ociScheme); ok {
		if err := checkImage(rest); err != nil {
			e := asInvalid(err)
			if e.suggestion != "" {
				e.suggestion = ociScheme + e.suggestion
			}
			return &invalid{message: fmt.Sprintf("%s is not the repository of a chart", quoted(s)), expected: form, suggestion: e.suggestion}
		}
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || len(s) > maxPattern || u.Host == "" || strings.ContainsAny(s, " \t\r\n"):
		return &invalid{message: fmt.Sprintf("%s is not the URL of a chart repository", quoted(s)), expected: form}
	case u.Scheme != "https" && u.Scheme != "http":
		return &invalid{message: fmt.Sprintf("the scheme %s is not supported", quoted(u.Scheme)), expected: form}
	case u.RawQuery != "" || u.Fragment != "":
		return &invalid{message: "the URL has a query or fragment", expected: form}
	case u.User != nil:
		return &invalid{message: "the URL holds credentials", expected: form}
	}
	return nil
}

func checkChart(s string) error {
	if chartForm.MatchString(s) {
		return nil
	}
	return &invalid{message: fmt.Sprintf("%s is not the name of a chart", quoted(s)), expected: "letters, digits, dashes, dots and underscores"}
}

func checkBranch(s string) error {
	if len(s) > 250 || badRefForm.MatchString(s) {
		return &invalid{message: fmt.Sprintf("%s is not a branch name", quoted(s)), expected: "a branch such as main"}
	}
	return nil
}

func checkLength(limit int) func(string) error {
	return func(s string) error {
		if len(s) > limit {
			return &invalid{message: fmt.Sprintf("the text has %d bytes", len(s)), expected: fmt.Sprintf("at most %d", limit)}
		}
		return nil
	}
}
