package forge

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

func getBlob(c *call) (reply, error) {
	sha := c.param("file_sha")
	h := plumbing.NewHash(sha)
	if kind, found := c.repo.git.kind(h); !plumbing.IsHash(sha) || !found || kind != plumbing.BlobObject {
		return reply{}, notFound()
	}
	data, err := c.repo.git.blob(h)
	if err != nil {
		return reply{}, err
	}
	if strings.Contains(c.r.Header.Get("Accept"), ".raw") {
		return reply{status: http.StatusOK, raw: data, contentType: "application/vnd.github.raw; charset=utf-8"}, nil
	}
	return ok(obj{
		"sha": sha, "node_id": nodeID("B", c.repo.id) + sha, "size": len(data), "url": c.s.repoURL(c.repo, "/git/blobs/"+sha),
		"content": wrapBase64(data), "encoding": "base64",
	})
}

// wrapBase64 breaks lines after 60 characters, as GitHub does.
func wrapBase64(data []byte) string {
	enc := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for len(enc) > 60 {
		b.WriteString(enc[:60] + "\n")
		enc = enc[60:]
	}
	if enc != "" {
		b.WriteString(enc + "\n")
	}
	return b.String()
}

func createBlob(c *call) (reply, error) {
	in, err := c.input(fields{"content": text.must(), "encoding": oneOf("utf-8", "base64")})
	if err != nil {
		return reply{}, err
	}
	data := []byte(in.str("content"))
	if in.str("encoding") == "base64" {
		if data, err = decodeBase64(in.str("content")); err != nil {
			return reply{}, unprocessable("content is not valid Base64")
		}
	}
	h, err := c.repo.git.writeBlob(data)
	if err != nil {
		return reply{}, err
	}
	return created(obj{"sha": h.String(), "url": c.s.repoURL(c.repo, "/git/blobs/"+h.String())})
}

func decodeBase64(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "").Replace(s))
}
