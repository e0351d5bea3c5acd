// Changes within one message of a model.
#pragma once

#include "fuzz/choices.h"
#include "fuzz/proto_tree.h"

namespace sealedge::fuzz {

// child: one of the message's.
void erase(Field* message, const Field* child);

Field make_attribute(Choices* choices);
void change_attribute(Field* attribute, Choices* choices);
// Dimensions and type are changed with the data, so that the tensor stays whole (most times).
void change_tensor(Field* tensor, Choices* choices);
// Element type or shape of a graph's input or output.
void change_value_type(Field* type, Choices* choices);
void change_opset(Field* opset, Choices* choices);

}  // namespace sealedge::fuzz
