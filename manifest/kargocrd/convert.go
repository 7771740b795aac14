package kargocrd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Manifest is one file of manifests, YAML or JSON, any number of documents.
type Manifest struct {
	// Name is what messages call it.
	Name string
	Data []byte
}

// Options narrow a conversion.
type Options struct {
	// Project is the one to convert; empty means the only one there is.
	Project string
	// Steps are the promotion steps that the reader of the result knows; one that
	// is not among them is left out and named. Nil knows all.
	Steps []string
	// Secrets are those of the Steps that take secrets of the repository.
	Secrets []string
}

// Result is a conversion.
type Result struct {
	// Project is the Kargo Project that became the pipeline.
	Project string
	// YAML is the .kargo.yaml.
	YAML []byte
	// Losses are in the order of the manifests.
	Losses []Loss
	// Read counts the resources of each kind.
	Read map[string]int
}

const (
	maxManifest  = 16 << 20
	maxResources = 10_000
)

type converter struct {
	opts   Options
	all    []*resource
	losses []Loss
	// argoCD is true once it was said what steps need that call Argo CD.
	argoCD bool
	// jira holds Kargo's Secrets of Jira that were told of.
	jira map[string]bool
}

// resource is one Kubernetes object.
type resource struct {
	c             *converter
	file          string
	group, kind   string
	name, project string
	node          *yaml.Node
}

// String names the resource.
func (r *resource) String() string {
	if r.name == "" {
		return r.kind
	}
	return r.kind + " " + r.name
}

// Convert turns manifests into one .kargo.yaml. An error means that a manifest
// could not be read, that there is nothing of Kargo's in them, or that they
// belong to several Projects of which none was chosen.
func Convert(manifests []Manifest, opts Options) (Result, error) {
	c := &converter{opts: opts}
	for _, m := range manifests {
		if err := c.read(m); err != nil {
			return Result{}, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	project, err := c.project()
	if err != nil {
		return Result{}, err
	}
	res := Result{Project: project, Read: map[string]int{}}
	out := c.pipeline(project, res.Read)
	res.Losses = c.losses
	if res.YAML, err = render(out.node, project, c.losses); err != nil {
		return Result{}, err
	}
	return res, nil
}

// read collects the resources of a file.
func (c *converter) read(m Manifest) error {
	if len(m.Data) > maxManifest {
		return fmt.Errorf("the file has %d bytes, more than %d", len(m.Data), maxManifest)
	}
	stream := yaml.NewDecoder(bytes.NewReader(m.Data))
	for {
		var doc yaml.Node
		err := stream.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.add(m.Name, doc.Content[0]); err != nil {
			return err
		}
	}
}

func (c *converter) add(file string, n *yaml.Node) error {
	if n.ShortTag() == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode || scalar(n, "kind") == "" {
		return fmt.Errorf("line %d: this is no Kubernetes manifest: it has no kind", n.Line)
	}
	if kind := scalar(n, "kind"); strings.HasSuffix(kind, "List") && child(n, "items") != nil {
		for _, item := range child(n, "items").Content {
			if err := c.add(file, item); err != nil {
				return err
			}
		}
		return nil
	}
	if len(c.all) >= maxResources {
		return fmt.Errorf("there are more than %d resources", maxResources)
	}
	if err := aliases(n, 0); err != nil {
		return err
	}
	group, _, _ := strings.Cut(scalar(n, "apiVersion"), "/")
	r := &resource{
		c: c, file: file, group: group, kind: scalar(n, "kind"), node: n,
		name: scalar(n, "metadata", "name"), project: scalar(n, "metadata", "namespace"),
	}
	if r.kind == "Project" {
		r.project = r.name
	}
	c.all = append(c.all, r)
	return nil
}

// aliases refuses YAML that Kubernetes manifests have no use for and that lets a
// small file stand for a huge one.
func aliases(n *yaml.Node, depth int) error {
	if depth > 100 {
		return fmt.Errorf("line %d: the file is nested too deeply", n.Line)
	}
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("line %d: *%s: write the value out, aliases are not read here", n.Line, n.Value)
	}
	for _, child := range n.Content {
		if err := aliases(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

const (
	kargoGroup    = "kargo.akuity.io"
	rolloutsGroup = "argoproj.io"
)

// project returns the Project to convert.
func (c *converter) project() (string, error) {
	var names []string
	ours := 0
	for _, r := range c.all {
		if r.group != kargoGroup && r.group != enterpriseGroup {
			continue
		}
		ours++
		if r.project != "" && !slices.Contains(names, r.project) {
			names = append(names, r.project)
		}
	}
	switch {
	case ours == 0:
		return "", fmt.Errorf("there is no manifest of %s here", kargoGroup)
	case c.opts.Project != "" && len(names) > 0 && !slices.Contains(names, c.opts.Project):
		return "", fmt.Errorf("there is no Project %q here, only %s", c.opts.Project, strings.Join(names, ", "))
	case c.opts.Project != "":
		return c.opts.Project, nil
	case len(names) > 1:
		return "", fmt.Errorf("the manifests belong to several Projects, each of which is a pipeline of its own: %s; choose one", strings.Join(names, ", "))
	case len(names) == 1:
		return names[0], nil
	}
	return "", nil
}

// of reports whether a resource is part of the Project.
func (r *resource) of(project string) bool {
	return r.project == "" || project == "" || r.project == project
}

// pipeline builds the file.
func (c *converter) pipeline(project string, read map[string]int) *mapping {
	out := newMapping()
	out.set("apiVersion", text("kargo/v1"))
	if project != "" {
		out.set("name", text(project))
	}
	lists := map[string]*yaml.Node{}
	appendTo := func(key string, n *yaml.Node) {
		if n == nil {
			return
		}
		if lists[key] == nil {
			lists[key] = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		}
		lists[key].Content = append(lists[key].Content, n)
	}
	for _, r := range c.all {
		switch {
		case (r.group == kargoGroup || r.group == enterpriseGroup) && !r.of(project):
			r.lose(r.node, "", "it belongs to Project %s, which is a pipeline of its own", r.project)
			continue
		case r.group == kargoGroup || r.group == enterpriseGroup || r.group == rolloutsGroup:
			read[r.kind]++
		}
		switch r.group + "/" + r.kind {
		case kargoGroup + "/Project", kargoGroup + "/ProjectConfig":
			policies, windows := r.policies()
			for _, p := range policies {
				if r.known(p) {
					appendTo("promotionPolicies", p)
				}
			}
			for _, w := range windows {
				appendTo("promotionWindows", w)
			}
		case kargoGroup + "/Warehouse":
			appendTo("warehouses", r.warehouse())
		case kargoGroup + "/Stage":
			appendTo("stages", r.stage())
		case kargoGroup + "/PromotionTask", kargoGroup + "/ClusterPromotionTask":
			appendTo("promotionTasks", r.task())
		case enterpriseGroup + "/MessageChannel", enterpriseGroup + "/ClusterMessageChannel":
			appendTo("messageChannels", r.channel())
		case rolloutsGroup + "/AnalysisTemplate", rolloutsGroup + "/ClusterAnalysisTemplate":
			appendTo("analysisTemplates", r.analysisTemplate())
		default:
			r.lose(r.node, "", "%s", foreign(r))
		}
	}
	for _, key := range []string{"warehouses", "stages", "promotionPolicies", "promotionWindows", "promotionTasks", "analysisTemplates", "messageChannels"} {
		if lists[key] != nil {
			out.set(key, lists[key])
		}
	}
	return out
}

// foreign says why a resource is not read.
func foreign(r *resource) string {
	switch r.group + "/" + r.kind {
	case kargoGroup + "/Freight", kargoGroup + "/Promotion":
		return "it is state rather than configuration; Freight is discovered again, and what the files of a Stage hold is recognised"
	case enterpriseGroup + "/EventRouter":
		return "nothing is sent by itself; a step send-message says it, with if: ${{ always() }} also after a failure"
	case enterpriseGroup + "/CustomPromotionStep":
		return "a step of one's own is a WebAssembly module for run, or a GitHub workflow for workflow"
	case kargoGroup + "/ClusterConfig":
		return "it configures an installation of Kargo; see the configuration of kargo serve"
	case "v1/Secret", "/Secret":
		return "secrets are not part of a repository; store them with kargo credentials or kargo secrets"
	case "v1/ConfigMap", "/ConfigMap":
		return "there is no cluster to read it from; put its values into vars"
	case "v1/Namespace", "/Namespace":
		return "a pipeline lives in a repository and needs no namespace"
	}
	switch r.kind {
	case "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount":
		return "rights come from the repository; see access in .kargo.yaml"
	}
	return "it is nothing of Kargo's"
}

// render prints the file below a note of what was lost.
func render(root *yaml.Node, project string, losses []Loss) ([]byte, error) {
	plain(root)
	var b bytes.Buffer
	b.WriteString("# Converted from the manifests of Kargo")
	if project != "" {
		b.WriteString("'s Project " + project)
	}
	b.WriteString(".\n")
	if len(losses) > 0 {
		b.WriteString("#\n# Not carried over, or carried over differently:\n")
		for _, l := range losses {
			b.WriteString("#   " + oneLine(l.String()) + "\n")
		}
	}
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("print .kargo.yaml: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("print .kargo.yaml: %w", err)
	}
	return b.Bytes(), nil
}

// plain forgets how the manifests were laid out, but for blocks of text and
// comments, which people wrote.
func plain(n *yaml.Node) {
	n.Line, n.Column = 0, 0
	if n.Kind != yaml.ScalarNode {
		n.Style = 0
	}
	for _, c := range n.Content {
		plain(c)
	}
}

// oneLine makes outside text fit into a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}
