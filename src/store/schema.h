// The tables, and the indexes that the app declares. Tables of our own start
// with hf_. What each column means stands in schema.cpp next to it.

#pragma once

#include <map>
#include <stdexcept>
#include <string>

#include "../protocol.h"
#include "sqlite.h"

namespace holdfast::schema {

// Creates what is missing, in one transaction. Throws StorageError, and Newer
// when a later version of this package made the file, which is then not touched.
void prepare(Database& db);

class Newer : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Makes the indexes that exist those that the app declares.
//
// REQUIRES: names of collections are identifiers, fields are paths.
void declare(Database& db, const std::map<std::string, Collection>& collections);

// The field of a record as the indexes spell it: only spelt so is an index used.
//
// REQUIRES: "field" is a path.
std::string column(const std::string& field);

// Whether a name may stand in SQL: [A-Za-z_][A-Za-z0-9_]{0,63}.
bool identifier(const std::string& name);

// Whether it names a field, or one of an object in a field: up to 8 identifiers, a dot between.
bool path(const std::string& field);

}  // namespace holdfast::schema
