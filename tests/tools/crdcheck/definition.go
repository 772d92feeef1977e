package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	definitionvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	objectvalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// definition is a CustomResourceDefinition as the API server holds it after defaulting.
type definition struct {
	internal *apiextensions.CustomResourceDefinition
}

// readDefinition reads the v1 definition in a YAML file. A field that the API server does not know is an error.
func readDefinition(file string) (*definition, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	versioned := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(text, versioned); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	scheme.Default(versioned)
	// The API server fills this in before it validates (registry/customresourcedefinition, PrepareForCreate).
	versioned.Status.StoredVersions = storedVersions(versioned)
	internal := &apiextensions.CustomResourceDefinition{}
	if err := scheme.Convert(versioned, internal, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &definition{internal: internal}, nil
}

func storedVersions(crd *apiextensionsv1.CustomResourceDefinition) []string {
	names := []string{}
	for _, version := range crd.Spec.Versions {
		if version.Storage {
			names = append(names, version.Name)
		}
	}
	return names
}

// faults returns why the API server would refuse the definition: structure, CEL that does not compile or costs too much.
func (d *definition) faults() []fault {
	return faultsOf(definitionvalidation.ValidateCustomResourceDefinition(context.Background(), d.internal))
}

// judge returns what validates objects of the definition's first version. Call it on a definition without faults only.
func (d *definition) judge() (*judge, error) {
	version := d.internal.Spec.Versions[0]
	schema, err := apiextensions.GetSchemaForVersion(d.internal, version.Name)
	if err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(schema.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	validator, _, err := objectvalidation.NewSchemaValidator(schema.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &judge{
		group:      d.internal.Spec.Group,
		version:    version.Name,
		kind:       d.internal.Spec.Names.Kind,
		structural: structural,
		schema:     validator,
		cel:        cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

func faultsOf(errors field.ErrorList) []fault {
	faults := []fault{}
	for _, each := range errors {
		faults = append(faults, fault{Field: each.Field, Message: each.ErrorBody()})
	}
	return faults
}
