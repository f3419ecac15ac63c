package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"briefingbot/internal/briefing"
)

// secret reads a credential from the environment, or from the file that
// NAME_FILE names. It is empty where neither is set.
func secret(name string) (briefing.Private, error) {
	value, path := os.Getenv(name), os.Getenv(name+"_FILE")
	switch {
	case value != "" && path != "":
		return briefing.Private{}, hinted{fmt.Errorf("%s and %s_FILE are both set", name, name), "keep one of them"}
	case path == "":
		return briefing.NewPrivate(strings.TrimSpace(value)), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return briefing.Private{}, unreadable(name, err)
	}
	defer f.Close() // only read from: closing can lose nothing
	const most = 4 << 10
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return briefing.Private{}, unreadable(name, err)
	}
	text := strings.TrimSpace(string(b))
	if text == "" || len(b) > most {
		return briefing.Private{}, hinted{fmt.Errorf("the file of %s_FILE is empty or too long for a secret", name), "put the secret alone into it"}
	}
	return briefing.NewPrivate(text), nil
}

// unreadable leaves the path out: somebody may have put the secret itself there.
func unreadable(name string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return hinted{fmt.Errorf("the file that %s_FILE names cannot be read: %w", name, err), "name a file that this user may read"}
}
