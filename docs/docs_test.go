// Package docs keeps what the documentation says about the code true.
package docs

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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

var fix = flag.Bool("fix", false, "correct the line numbers of links whose words are still there")

// A link to a line of code leads to a line that has the words of the link.
// After code has moved, `go test ./docs -fix` corrects the numbers.
func TestLinksToLines(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		right := lineLink.ReplaceAllFunc(text, func(link []byte) []byte {
			parts := lineLink.FindSubmatch(link)
			code, err := os.ReadFile(filepath.Join(filepath.Dir(page), string(parts[2])))
			require.NoError(t, err, page)
			checked++
			return fmt.Appendf(nil, "[`%s`](%s#L%d)", parts[1], parts[2], lineOf(t, code, parts))
		})
		if *fix && !bytes.Equal(text, right) {
			require.NoError(t, os.WriteFile(page, right, 0o600))
		}
		require.Equal(t, string(right), string(text), "%s: run `go test ./docs -fix`", page)
	}
	require.Positive(t, checked)
}

// lineOf is the linked line when it has the words, else the first that has them.
func lineOf(t *testing.T, code []byte, link [][]byte) int {
	t.Helper()
	number, err := strconv.Atoi(string(link[3]))
	require.NoError(t, err)
	lines := bytes.Split(code, []byte("\n"))
	if number <= len(lines) && bytes.Contains(lines[number-1], link[1]) {
		return number
	}
	for i, line := range lines {
		if bytes.Contains(line, link[1]) {
			return i + 1
		}
	}
	require.Fail(t, "no line has the words", "%s", link[0])
	return 0
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
