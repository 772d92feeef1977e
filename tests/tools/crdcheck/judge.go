package main

import (
	"context"
	"fmt"
	"os"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	objectvalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metavalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// judge validates objects in the order of the API server's create and update handlers
// (apiextensions-apiserver: pkg/apiserver/customresource_handler.go, pkg/registry/customresource/strategy.go).
type judge struct {
	group, version, kind string
	structural           *structuralschema.Structural
	schema               objectvalidation.SchemaValidator
	cel                  *cel.Validator
}

// readObject reads a YAML file the way kubectl sends it: as JSON, whole numbers as integers.
func readObject(file string) (map[string]any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var object map[string]any
	if err := json.Unmarshal(asJSON, &object); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if object == nil {
		return nil, fmt.Errorf("%s: holds no object", file)
	}
	return object, nil
}

// create returns the verdict on a new object.
func (j *judge) create(file string) verdict {
	object, err := readObject(file)
	if err != nil {
		return unreadable(file, err)
	}
	pruned, faults := j.admit(object)
	delete(object, "status") // the status subresource: a create cannot set it
	faults = append(faults, objectvalidation.ValidateCustomResource(nil, object, j.schema)...)
	return verdict{File: file, Faults: faultsOf(j.finish(faults, object, nil)), Pruned: pruned}
}

// update returns the verdict on changing the object in oldFile, which is taken for a good one, into that in file.
func (j *judge) update(oldFile, file string) verdict {
	old, err := readObject(oldFile)
	if err != nil {
		return unreadable(oldFile, err)
	}
	object, err := readObject(file)
	if err != nil {
		return unreadable(file, err)
	}
	j.admit(old)
	delete(old, "status")
	pruned, faults := j.admit(object)
	delete(object, "status")
	faults = append(faults, objectvalidation.ValidateCustomResourceUpdate(nil, object, old, j.schema)...)
	return verdict{File: file, Faults: faultsOf(j.finish(faults, object, old)), Pruned: pruned}
}

func unreadable(file string, err error) verdict {
	return verdict{File: file, Faults: []fault{{Field: "file", Message: err.Error()}}, Pruned: []string{}}
}

// admit prunes and defaults the object in place, as decoding a request does. It returns the pruned fields and what
// is wrong with kind, apiVersion and metadata.
func (j *judge) admit(object map[string]any) ([]string, field.ErrorList) {
	var faults field.ErrorList
	options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	pruned := pruning.PruneWithOptions(object, j.structural, true, options)
	coerce := objectmeta.CoerceOptions{ReturnUnknownFieldPaths: true}
	problem, unknown := objectmeta.CoerceWithOptions(nil, object, j.structural, true, coerce)
	if problem != nil {
		return append(pruned, unknown...), field.ErrorList{problem}
	}
	pruned = append(append([]string{}, pruned...), unknown...)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, j.structural)
	defaulting.Default(object, j.structural)
	if want := j.group + "/" + j.version; object["apiVersion"] != want {
		faults = append(faults, field.Invalid(field.NewPath("apiVersion"), object["apiVersion"], "must be "+want))
	}
	if object["kind"] != j.kind {
		faults = append(faults, field.Invalid(field.NewPath("kind"), object["kind"], "must be "+j.kind))
	}
	return pruned, append(faults, j.metadataFaults(object)...)
}

// metadataFaults checks name, labels and annotations. kubectl sets the namespace where the file has none.
func (j *judge) metadataFaults(object map[string]any) field.ErrorList {
	meta, found, err := objectmeta.GetObjectMeta(object, false)
	if err != nil {
		return field.ErrorList{field.Invalid(field.NewPath("metadata"), object["metadata"], err.Error())}
	}
	if !found {
		return field.ErrorList{field.Required(field.NewPath("metadata"), "")}
	}
	if meta.Namespace == "" {
		meta.Namespace = "default"
	}
	return metavalidation.ValidateObjectMeta(meta, true, metavalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
}

// finish adds the checks that come last: embedded metadata, list types, and CEL, which the API server runs only where
// the schema holds so far that rules can be evaluated.
func (j *judge) finish(faults field.ErrorList, object, old map[string]any) field.ErrorList {
	faults = append(faults, objectmeta.Validate(nil, object, j.structural, false)...)
	faults = append(faults, listtype.ValidateListSetsAndMaps(nil, j.structural, object)...)
	if j.cel == nil || isBlocked(faults) {
		return faults
	}
	var before any // a nil map in an interface would count as an old object
	if old != nil {
		before = old
	}
	errors, _ := j.cel.Validate(context.Background(), nil, j.structural, object, before, celconfig.RuntimeCELCostBudget)
	return append(faults, errors...)
}

// isBlocked reports whether the faults keep the API server from evaluating CEL rules (strategy.go: hasBlockingErr).
func isBlocked(faults field.ErrorList) bool {
	for _, each := range faults {
		switch each.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany,
			field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}
