package registryhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// service is how one kind proves where a request comes from, and what it says.
type service struct {
	// authentic checks what there is beside the address; nil means nothing.
	authentic func(r Receiver, h http.Header, body []byte) bool
	// read returns the sources that a request names. None means that it is about
	// something else; an error that it does not have the documented form.
	read func(r Receiver, req request) ([]source, error)
}

// request is an HTTP request as services read it.
type request struct {
	method string
	header http.Header
	body   []byte
}

// services lists what there is.
func services() map[Kind]service {
	return map[Kind]service{
		GHCR:        {authentic: signedAs("X-Hub-Signature-256", "sha256="), read: readGHCR},
		DockerHub:   {read: readDockerHub},
		Quay:        {read: readQuay},
		Harbor:      {authentic: sends("Authorization"), read: readHarbor},
		Artifactory: {authentic: signedAs("X-JFrog-Event-Auth", ""), read: readArtifactory},
		ACR:         {read: readACR},
		ECR:         {read: readECR},
		GAR:         {read: readGAR},
		Gitea:       {authentic: signedAs("X-Gitea-Signature", ""), read: readGitea},
		Generic:     {read: readGeneric},
	}
}

// signedAs checks the hexadecimal HMAC-SHA256 over the body in a header.
func signedAs(header, prefix string) func(Receiver, http.Header, []byte) bool {
	return func(r Receiver, h http.Header, body []byte) bool {
		sent, ok := strings.CutPrefix(h.Get(header), prefix)
		got, err := hex.DecodeString(sent)
		if !ok || err != nil || r.Secret == "" {
			return false
		}
		mac := hmac.New(sha256.New, []byte(r.Secret))
		mac.Write(body)
		return hmac.Equal(got, mac.Sum(nil))
	}
}

// sends checks the secret itself in a header.
func sends(header string) func(Receiver, http.Header, []byte) bool {
	return func(r Receiver, h http.Header, _ []byte) bool {
		return r.Secret != "" && subtle.ConstantTimeCompare([]byte(h.Get(header)), []byte(r.Secret)) == 1
	}
}

// source is an address that something was pushed to, as Subscriptions are indexed.
type source struct {
	kind pipeline.ArtifactKind
	url  string
}

const (
	// maxSources bounds what one request may name.
	maxSources = 64
	maxURL     = 1024
)

// sources collects sources without repetition.
type sources []source

func (s *sources) add(kind pipeline.ArtifactKind, url string) {
	one := source{kind, url}
	if url == "" || len(url) > maxURL || len(*s) >= maxSources || slices.Contains(*s, one) {
		return
	}
	*s = append(*s, one)
}

// oci adds a repository of an OCI registry, with or without tag or digest. Payloads
// seldom tell whether an image or a chart was pushed there, so it is both.
func (s *sources) oci(ref string) {
	repo := withoutVersion(ref)
	if host, path, ok := strings.Cut(repo, "/"); !ok || host == "" || path == "" || strings.ContainsAny(repo, " \t\r\n") {
		return
	}
	s.add(pipeline.ImageArtifact, pipeline.NormalizeImage(repo))
	s.add(pipeline.ChartArtifact, pipeline.NormalizeChartURL("oci://"+repo))
}

// withoutVersion drops scheme, tag and digest of an image reference.
func withoutVersion(ref string) string {
	ref = strings.TrimSpace(ref)
	for _, scheme := range []string{"https://", "http://", "oci://", "docker://"} {
		ref = strings.TrimPrefix(ref, scheme)
	}
	ref, _, _ = strings.Cut(ref, "@")
	if slash, colon := strings.LastIndexByte(ref, '/'), strings.LastIndexByte(ref, ':'); colon > slash && slash >= 0 {
		ref = ref[:colon]
	}
	return strings.Trim(ref, "/")
}

// join makes an image reference of its parts; none if one is missing.
func join(parts ...string) string {
	if slices.Contains(parts, "") {
		return ""
	}
	return strings.Join(parts, "/")
}

var errForm = errors.New("the payload does not have the documented form")

// decode reads a payload.
func decode[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, errForm
	}
	return v, nil
}
