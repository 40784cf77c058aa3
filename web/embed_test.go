package web_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/web"
)

// The embedded files are the files of dist, byte for byte, whether the app was built or not.
func TestFilesAreDist(t *testing.T) {
	t.Parallel()

	var onDisk []string
	require.NoError(t, fs.WalkDir(os.DirFS("dist"), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			onDisk = append(onDisk, path)
		}
		return err
	}))
	require.Contains(t, onDisk, ".gitkeep", "without it a clean clone does not compile")

	for _, path := range onDisk {
		want, err := os.ReadFile(filepath.Join("dist", path))
		require.NoError(t, err)
		got, err := fs.ReadFile(web.Files(), path)
		require.NoError(t, err)
		require.Equal(t, want, got, path)
	}
}

// Built says whether there is a page to serve; a build has both pages or it is none.
func TestBuilt(t *testing.T) {
	t.Parallel()

	for _, page := range []string{"index.html", "docs.html"} {
		_, err := os.Stat(filepath.Join("dist", page))
		require.Equal(t, err == nil, web.Built(), page)
	}
}

// Vite empties dist before it writes; only what lies in public comes back.
func TestGitkeepSurvivesBuild(t *testing.T) {
	t.Parallel()

	require.FileExists(t, filepath.Join("public", ".gitkeep"))
}
