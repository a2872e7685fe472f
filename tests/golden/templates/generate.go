// Renders the templates of cases.json with Go's text/template, as the peer does, and writes
// rendered.jsonl. README.md says how to run it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
)

// values is what a rule's query sees; the fields and their types are the peer's.
type values struct {
	Series            string
	LabelMatchers     string
	LabelValuesByName map[string]string
	GroupBy           string
	GroupBySlice      []string
}

// pattern is a template with the words of others in the place of its own upper-case words.
type pattern struct {
	Template string
	Words    [][]string // each: the word, and what stands in its place
}

type cases struct {
	Values    map[string]values
	Templates []string
	Patterns  []pattern
}

// result is a template and what it gives, by name of the values; null where Go gives an error.
type result struct {
	Template string             `json:"template"`
	Rendered map[string]*string `json:"rendered"`
}

func expand(source string, words [][]string) []string {
	if len(words) == 0 {
		return []string{source}
	}
	var sources []string
	for _, replacement := range words[0][1:] {
		replaced := strings.ReplaceAll(source, words[0][0], replacement)
		sources = append(sources, expand(replaced, words[1:])...)
	}
	return sources
}

func render(source string, with values) *string {
	parsed, err := template.New("query").Delims("<<", ">>").Parse(source)
	if err != nil {
		return nil
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, with); err != nil {
		return nil
	}
	text := out.String()
	return &text
}

func main() {
	text, err := os.ReadFile("cases.json")
	if err != nil {
		panic(err)
	}
	var given cases
	if err := json.Unmarshal(text, &given); err != nil {
		panic(err)
	}
	for _, pattern := range given.Patterns {
		given.Templates = append(given.Templates, expand(pattern.Template, pattern.Words)...)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	known := map[string]bool{}
	for _, source := range given.Templates {
		if known[source] {
			continue
		}
		known[source] = true
		rendered := map[string]*string{}
		for name, with := range given.Values {
			rendered[name] = render(source, with)
		}
		if err := encoder.Encode(result{source, rendered}); err != nil {
			panic(err)
		}
	}
	if err := os.WriteFile("rendered.jsonl", out.Bytes(), 0o644); err != nil {
		panic(err)
	}
	fmt.Println(len(known), "templates")
}
