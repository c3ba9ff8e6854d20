// Operations of the trainer that TensorFlow lacks, each one pass over its tensors where TensorFlow takes two to thirteen. `train setup`
// compiles them into TensorFlow.js's addon against the C interface of TensorFlow alone (tensorflow/c/ops.h, kernels.h), for the
// CPU and float32. What each computes is said where TypeScript has the same in TensorFlow.js's operations (src/train/model).
#pragma once
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

namespace ultraprep {

// Inputs and outputs of a call. A wrong size fails the operation, which TensorFlow.js throws.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}
  ~Call() {
    for (TF_Tensor* tensor : held_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }

  struct In {
    const float* data = nullptr;
    const int32_t* integers = nullptr;
    std::vector<int64_t> shape;
    int64_t size = 0;
    int64_t last() const { return shape.empty() ? 1 : shape.back(); }
    int64_t rows() const { return last() == 0 ? 0 : size / last(); }
  };

  In in(int index) {
    In found;
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    if (!fine()) return found;
    held_.push_back(tensor);
    found.data = static_cast<const float*>(TF_TensorData(tensor));
    if (TF_TensorType(tensor) == TF_INT32) found.integers = static_cast<const int32_t*>(TF_TensorData(tensor));
    for (int i = 0; i < TF_NumDims(tensor); i++) found.shape.push_back(TF_Dim(tensor, i));
    found.size = TF_TensorElementCount(tensor);
    return found;
  }

  float* out(int index, const std::vector<int64_t>& shape) {
    int64_t size = 1;
    for (int64_t each : shape) size *= each;
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_FLOAT, shape.data(), static_cast<int>(shape.size()),
                                          size * sizeof(float), status_);
    if (!fine()) return nullptr;
    held_.push_back(tensor);
    return static_cast<float*>(TF_TensorData(tensor));
  }

  // False, and the operation fails, where something is not as it has to be.
  bool require(bool right, const char* what) {
    if (!right && !failed_) {
      TF_SetStatus(status_, TF_INVALID_ARGUMENT, what);
      fine();
    }
    return right && !failed_;
  }
  bool failed() const { return failed_; }

 private:
  bool fine() {
    if (TF_GetCode(status_) == TF_OK) return true;
    if (!failed_) TF_OpKernelContext_Failure(context_, status_);
    failed_ = true;
    return false;
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> held_;
  bool failed_ = false;
};

inline std::vector<int64_t> columnOf(std::vector<int64_t> shape) {
  if (!shape.empty()) shape.back() = 1;
  return shape;
}

using Compute = void (*)(void*, TF_OpKernelContext*);

// TensorFlow calls from C: what is thrown, such as where there is no memory, must end here.
template <Compute compute>
void guarded(void* state, TF_OpKernelContext* context) {
  try {
    compute(state, context);
  } catch (const std::exception& error) {
    TF_Status* status = TF_NewStatus();
    TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, error.what());
    TF_OpKernelContext_Failure(context, status);
    TF_DeleteStatus(status);
  }
}

// A kernel with one float attribute has it as its state.
inline void* keepAttribute(TF_OpKernelConstruction* construction, const char* name) {
  TF_Status* status = TF_NewStatus();
  float* value = new float(0);
  TF_OpKernelConstruction_GetAttrFloat(construction, name, value, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return value;
}
inline void* keepEps(TF_OpKernelConstruction* construction) { return keepAttribute(construction, "eps"); }
inline void* keepSign(TF_OpKernelConstruction* construction) { return keepAttribute(construction, "sign"); }
inline void dropAttribute(void* kept) { delete static_cast<float*>(kept); }

inline void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

template <Compute compute>
void add(const char* name, int inputs, int outputs, const char* attribute = nullptr,
         void* (*create)(TF_OpKernelConstruction*) = nullptr, int integers = 0) {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder(name);
  for (int i = 0; i < inputs; i++) TF_OpDefinitionBuilderAddInput(op, ("in" + std::to_string(i) + ": float").c_str());
  // Behind the others.
  for (int i = inputs; i < inputs + integers; i++)
    TF_OpDefinitionBuilderAddInput(op, ("in" + std::to_string(i) + ": int32").c_str());
  for (int i = 0; i < outputs; i++) TF_OpDefinitionBuilderAddOutput(op, ("out" + std::to_string(i) + ": float").c_str());
  if (attribute) TF_OpDefinitionBuilderAddAttr(op, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, unknownShape);
  TF_RegisterOpDefinition(op, status);
  if (TF_GetCode(status) == TF_OK)
    TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create, guarded<compute>, create ? dropAttribute : nullptr),
                             status);
  if (TF_GetCode(status) != TF_OK) std::fprintf(stderr, "%s: %s\n", name, TF_Message(status));
  TF_DeleteStatus(status);
}

}  // namespace ultraprep
