// The part of ONNX Runtime's C API that the engine calls, declared by slot number.
//
// `OrtGetApiBase()->GetApi(version)` answers a table of function pointers whose order is public and append-only,
// so a slot keeps its meaning in every later release. Each entry below is one slot: its number, its signature,
// its name in ONNX Runtime. Objects of the runtime stay opaque.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#if defined(_WIN32)
#define MRT_ORT_CALL __stdcall
#else
#define MRT_ORT_CALL
#endif

namespace mrt::ort {

struct Env;
struct Status;
struct Session;
struct SessionOptions;
struct RunOptions;
struct ThreadingOptions;
struct ArenaCfg;
struct Value;
struct IoBinding;
struct CudaOptions;
struct MemoryInfo;
struct Allocator;
struct TypeInfo;
struct TensorInfo;
struct CustomOpDomain;
struct KernelInfo;
struct KernelContext;

/// The oldest table that holds every slot used here (ONNX Runtime 1.17).
constexpr std::uint32_t kApiVersion = 17;

enum ErrorCode : int { kFail = 1 };
enum LoggingLevel : int { kLogFatal = 4 };
enum OptimizationLevel : int { kOptimizeBasic = 1, kOptimizeExtended = 2, kOptimizeAll = 99 };
enum AllocatorType : int { kDeviceAllocator = 0, kArenaAllocator = 1 };
enum MemoryType : int { kMemoryDefault = 0 };
enum ElementType : int { kFloat32 = 1, kUint8 = 2, kInt32 = 6, kInt64 = 7, kBool = 9, kFloat16 = 10, kBFloat16 = 16, kUint4 = 21 };

using Table = const void* const*;

/// An operator of ours as the runtime sees it: a table of functions that only grows, read as far as its version says. Those that are left null
/// are never asked for by what we declare.
struct CustomOp {
  std::uint32_t version;
  void*(MRT_ORT_CALL* createKernel)(const CustomOp*, const void* api, const KernelInfo*);
  const char*(MRT_ORT_CALL* getName)(const CustomOp*);
  const char*(MRT_ORT_CALL* getExecutionProviderType)(const CustomOp*);
  int(MRT_ORT_CALL* getInputType)(const CustomOp*, std::size_t);
  std::size_t(MRT_ORT_CALL* getInputTypeCount)(const CustomOp*);
  int(MRT_ORT_CALL* getOutputType)(const CustomOp*, std::size_t);
  std::size_t(MRT_ORT_CALL* getOutputTypeCount)(const CustomOp*);
  void(MRT_ORT_CALL* kernelCompute)(void* kernel, KernelContext*);
  void(MRT_ORT_CALL* kernelDestroy)(void* kernel);
  int(MRT_ORT_CALL* getInputCharacteristic)(const CustomOp*, std::size_t);
  int(MRT_ORT_CALL* getOutputCharacteristic)(const CustomOp*, std::size_t);
  int(MRT_ORT_CALL* getInputMemoryType)(const CustomOp*, std::size_t);
  int(MRT_ORT_CALL* getVariadicInputMinArity)(const CustomOp*);
  int(MRT_ORT_CALL* getVariadicInputHomogeneity)(const CustomOp*);
  int(MRT_ORT_CALL* getVariadicOutputMinArity)(const CustomOp*);
  int(MRT_ORT_CALL* getVariadicOutputHomogeneity)(const CustomOp*);
  Status*(MRT_ORT_CALL* createKernelV2)(const CustomOp*, const void* api, const KernelInfo*, void** kernel);
  Status*(MRT_ORT_CALL* kernelComputeV2)(void* kernel, KernelContext*);
  /// Shapes of outputs, versions of the operator, outputs in place of inputs: not given.
  void* later[8];
};
/// The version of that table (ONNX Runtime 1.16).
constexpr std::uint32_t kCustomOpVersion = 16;

struct ApiBase {
  Table(MRT_ORT_CALL* getApi)(std::uint32_t version);
  const char*(MRT_ORT_CALL* getVersionString)();
};

template <std::size_t slot, class Signature>
class Entry;

template <std::size_t slot, class Result, class... Arguments>
class Entry<slot, Result(Arguments...)> {
 public:
  using Function = Result(MRT_ORT_CALL*)(Arguments...);
  explicit Entry(Table table) : function(reinterpret_cast<Function>(const_cast<void*>(table[slot]))) {}
  Result operator()(Arguments... arguments) const { return function(arguments...); }
  const Function function;
};

struct Api {
  explicit Api(Table slots) : table(slots) {}

  Table table;

  // Failures
  Entry<0, Status*(int code, const char* message)> CreateStatus{table};
  Entry<1, int(const Status*)> GetErrorCode{table};
  Entry<2, const char*(const Status*)> GetErrorMessage{table};
  Entry<93, void(Status*)> ReleaseStatus{table};

  // Environment and threads
  Entry<119, Status*(int level, const char* id, const ThreadingOptions*, Env**)> CreateEnvWithGlobalThreadPools{table};
  Entry<92, void(Env*)> ReleaseEnv{table};
  Entry<6, Status*(const Env*)> DisableTelemetryEvents{table};
  Entry<121, Status*(ThreadingOptions**)> CreateThreadingOptions{table};
  Entry<122, void(ThreadingOptions*)> ReleaseThreadingOptions{table};
  Entry<147, Status*(ThreadingOptions*, int)> SetGlobalIntraOpNumThreads{table};
  Entry<148, Status*(ThreadingOptions*, int)> SetGlobalInterOpNumThreads{table};
  Entry<149, Status*(ThreadingOptions*, int)> SetGlobalSpinControl{table};
  Entry<125, Status*(char***, int*)> GetAvailableProviders{table};
  Entry<126, Status*(char**, int)> ReleaseAvailableProviders{table};

  // Memory
  Entry<69, Status*(int allocatorType, int memoryType, MemoryInfo**)> CreateCpuMemoryInfo{table};
  Entry<68, Status*(const char* name, int allocatorType, int id, int memoryType, MemoryInfo**)> CreateMemoryInfo{table};
  Entry<94, void(MemoryInfo*)> ReleaseMemoryInfo{table};
  Entry<78, Status*(Allocator**)> GetAllocatorWithDefaultOptions{table};
  Entry<76, Status*(Allocator*, void*)> AllocatorFree{table};
  Entry<131, Status*(const Session*, const MemoryInfo*, Allocator**)> CreateAllocator{table};
  Entry<132, void(Allocator*)> ReleaseAllocator{table};
  Entry<144, Status*(Env*, const MemoryInfo*, const ArenaCfg* orDefaults)> CreateAndRegisterAllocator{table};

  // Sessions
  Entry<10, Status*(SessionOptions**)> CreateSessionOptions{table};
  Entry<100, void(SessionOptions*)> ReleaseSessionOptions{table};
  Entry<17, Status*(SessionOptions*)> DisableMemPattern{table};
  Entry<23, Status*(SessionOptions*, int)> SetSessionGraphOptimizationLevel{table};
  Entry<120, Status*(SessionOptions*)> DisablePerSessionThreads{table};
  Entry<24, Status*(SessionOptions*, int)> SetIntraOpNumThreads{table};
  Entry<130, Status*(SessionOptions*, const char* key, const char* value)> AddSessionConfigEntry{table};
  Entry<150, Status*(SessionOptions*, const char* name, const Value*)> AddInitializer{table};
  Entry<216, Status*(SessionOptions*, const char* provider, const char* const* keys, const char* const* values, std::size_t)>
      SessionOptionsAppendExecutionProvider{table};
  Entry<205, Status*(CudaOptions**)> CreateCUDAProviderOptions{table};
  Entry<208, void(CudaOptions*)> ReleaseCUDAProviderOptions{table};
  Entry<204, Status*(SessionOptions*, const CudaOptions*)> SessionOptionsAppendExecutionProvider_CUDA_V2{table};
  Entry<8, Status*(const Env*, const void* model, std::size_t bytes, const SessionOptions*, Session**)> CreateSessionFromArray{table};
  Entry<95, void(Session*)> ReleaseSession{table};
  Entry<30, Status*(const Session*, std::size_t*)> SessionGetInputCount{table};
  Entry<31, Status*(const Session*, std::size_t*)> SessionGetOutputCount{table};
  Entry<33, Status*(const Session*, std::size_t, TypeInfo**)> SessionGetInputTypeInfo{table};
  Entry<34, Status*(const Session*, std::size_t, TypeInfo**)> SessionGetOutputTypeInfo{table};
  Entry<36, Status*(const Session*, std::size_t, Allocator*, char**)> SessionGetInputName{table};
  Entry<37, Status*(const Session*, std::size_t, Allocator*, char**)> SessionGetOutputName{table};

  // Types and shapes
  Entry<98, void(TypeInfo*)> ReleaseTypeInfo{table};
  Entry<55, Status*(const TypeInfo*, const TensorInfo**)> CastTypeInfoToTensorInfo{table};
  Entry<99, void(TensorInfo*)> ReleaseTensorTypeAndShapeInfo{table};
  Entry<60, Status*(const TensorInfo*, int*)> GetTensorElementType{table};
  Entry<61, Status*(const TensorInfo*, std::size_t*)> GetDimensionsCount{table};
  Entry<62, Status*(const TensorInfo*, std::int64_t*, std::size_t)> GetDimensions{table};
  Entry<63, Status*(const TensorInfo*, const char**, std::size_t)> GetSymbolicDimensions{table};
  Entry<65, Status*(const Value*, TensorInfo**)> GetTensorTypeAndShape{table};

  // Values
  Entry<48, Status*(Allocator*, const std::int64_t*, std::size_t rank, int type, Value**)> CreateTensorAsOrtValue{table};
  Entry<49, Status*(const MemoryInfo*, void*, std::size_t bytes, const std::int64_t*, std::size_t rank, int type, Value**)>
      CreateTensorWithDataAsOrtValue{table};
  Entry<51, Status*(Value*, void**)> GetTensorMutableData{table};
  Entry<96, void(Value*)> ReleaseValue{table};

  // Operators of our own
  Entry<26, Status*(const char* domain, CustomOpDomain**)> CreateCustomOpDomain{table};
  Entry<101, void(CustomOpDomain*)> ReleaseCustomOpDomain{table};
  Entry<27, Status*(CustomOpDomain*, const CustomOp*)> CustomOpDomain_Add{table};
  Entry<28, Status*(SessionOptions*, const CustomOpDomain*)> AddCustomOpDomain{table};
  Entry<85, Status*(const KernelInfo*, const char* name, float*)> KernelInfoGetAttribute_float{table};
  Entry<86, Status*(const KernelInfo*, const char* name, std::int64_t*)> KernelInfoGetAttribute_int64{table};
  Entry<90, Status*(const KernelContext*, std::size_t, const Value**)> KernelContext_GetInput{table};
  Entry<91, Status*(KernelContext*, std::size_t, const std::int64_t* dims, std::size_t rank, Value**)> KernelContext_GetOutput{table};
  Entry<274, Status*(const KernelContext*, void (*work)(void* data, std::size_t index), std::size_t total, std::size_t batches, void* data)>
      KernelContext_ParallelFor{table};

  // Running
  Entry<39, Status*(RunOptions**)> CreateRunOptions{table};
  Entry<97, void(RunOptions*)> ReleaseRunOptions{table};
  Entry<46, Status*(RunOptions*)> RunOptionsSetTerminate{table};
  Entry<165, Status*(RunOptions*, const char* key, const char* value)> AddRunConfigEntry{table};
  Entry<9, Status*(Session*, const RunOptions*, const char* const* inputNames, const Value* const* inputs, std::size_t,
                   const char* const* outputNames, std::size_t, Value** outputs)>
      Run{table};
  Entry<134, Status*(Session*, IoBinding**)> CreateIoBinding{table};
  Entry<135, void(IoBinding*)> ReleaseIoBinding{table};
  Entry<136, Status*(IoBinding*, const char*, const Value*)> BindInput{table};
  Entry<137, Status*(IoBinding*, const char*, const Value*)> BindOutput{table};
  Entry<133, Status*(Session*, const RunOptions*, const IoBinding*)> RunWithBinding{table};
};

/// Gives an object back to the runtime that made it.
template <class Object>
struct Releaser {
  void(MRT_ORT_CALL* release)(Object*) = nullptr;
  void operator()(Object* object) const { release(object); }
};

template <class Object>
using Owned = std::unique_ptr<Object, Releaser<Object>>;

}  // namespace mrt::ort
