// Package docs keeps what the documentation says about the code true.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	lineLink = regexp.MustCompile("\\[`([^`]+)`\\]\\(([^)#]+)#L(\\d+)\\)")
	fileLink = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		found = append(found, names...)
	}
	require.Greater(t, len(found), 8)
	return found
}

// A link to a line of code leads to a line that has the words of the link.
func TestLinksToLines(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, link := range lineLink.FindAllStringSubmatch(string(text), -1) {
			code, err := os.ReadFile(filepath.Join(filepath.Dir(page), link[2]))
			require.NoError(t, err, page)
			number, err := strconv.Atoi(link[3])
			require.NoError(t, err)
			lines := strings.Split(string(code), "\n")
			require.Contains(t, lines[number-1], link[1], "%s: %s line %d", page, link[2], number)
			checked++
		}
	}
	require.Positive(t, checked)
}

// Every link to a file of the repository leads somewhere.
func TestLinksToFiles(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, link := range fileLink.FindAllStringSubmatch(string(text), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(page), link[1]))
			require.NoError(t, err, "%s links to %s", page, link[1])
		}
	}
}
