//go:build cgo && (linux || darwin)

#include "pjrt.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// ARGS declares zeroed arguments of an API function.
#define ARGS(name, args)             \
  PJRT_##name##_Args args;           \
  memset(&(args), 0, sizeof(args));  \
  (args).struct_size = sizeof(args)

// TRY returns the error that a call gives.
#define TRY(expression)             \
  do {                              \
    PJRT_Error *e = (expression);   \
    if (e) return e;                \
  } while (0)

const PJRT_Api *open_plugin(const char *path, char **problem) {
  // A plugin is never closed: its threads and thread-local memory outlive every client.
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const PJRT_Api *(*get)(void) = NULL;
  if (library) *(void **)&get = dlsym(library, "GetPjrtApi");
  if (!get) {
    const char *why = dlerror();
    *problem = strdup(why ? why : "no symbol GetPjrtApi");
    return NULL;
  }
  return get();
}

char *error_text(const PJRT_Api *api, PJRT_Error *error) {
  ARGS(Error_Message, m);
  m.error = error;
  api->Error_Message(&m);
  char *out = strndup(m.message, m.message_size);
  ARGS(Error_Destroy, d);
  d.error = error;
  api->Error_Destroy(&d);
  return out;
}

// finish waits for an event and frees it.
static PJRT_Error *finish(const PJRT_Api *api, PJRT_Event *event) {
  if (!event) return NULL;
  ARGS(Event_Await, args);
  args.event = event;
  PJRT_Error *error = api->Event_Await(&args);
  PJRT_Error *other = api->Event_Destroy(&args);
  if (!error) return other;
  if (other) free(error_text(api, other));
  return error;
}

PJRT_Error *initialize(const PJRT_Api *api) {
  ARGS(Plugin_Initialize, args);
  return api->Plugin_Initialize(&args);
}

PJRT_Error *attributes(const PJRT_Api *api, const PJRT_NamedValue **values, size_t *n) {
  ARGS(Plugin_Attributes, args);
  TRY(api->Plugin_Attributes(&args));
  *values = args.attributes;
  *n = args.num_attributes;
  return NULL;
}

PJRT_Error *create_client(const PJRT_Api *api, PJRT_Client **client) {
  ARGS(Client_Create, args);
  TRY(api->Client_Create(&args));
  *client = args.client;
  return NULL;
}

PJRT_Error *describe_client(handle on, text *platform, text *version) {
  ARGS(Client_PlatformName, args);
  args.client = on.client;
  TRY(on.api->Client_PlatformName(&args));
  *platform = (text){args.text, args.size};
  TRY(on.api->Client_PlatformVersion(&args));
  *version = (text){args.text, args.size};
  return NULL;
}

PJRT_Error *list_devices(handle on, PJRT_Device *const **devices, size_t *n) {
  ARGS(Client_AddressableDevices, args);
  args.client = on.client;
  TRY(on.api->Client_AddressableDevices(&args));
  *devices = args.addressable_devices;
  *n = args.num_addressable_devices;
  return NULL;
}

PJRT_Error *describe_device(handle on, text *kind, text *name) {
  ARGS(Device_GetDescription, get);
  get.device = on.device;
  TRY(on.api->Device_GetDescription(&get));
  ARGS(DeviceDescription_Kind, args);
  args.device_description = get.device_description;
  TRY(on.api->DeviceDescription_Kind(&args));
  *kind = (text){args.text, args.size};
  TRY(on.api->DeviceDescription_DebugString(&args));
  *name = (text){args.text, args.size};
  return NULL;
}

PJRT_Error *compile(handle on, text code, text options, PJRT_LoadedExecutable **out) {
  static const char mlir[] = "mlir";
  PJRT_Program program;
  memset(&program, 0, sizeof program);
  program.struct_size = sizeof program;
  program.code = (char *)code.data;
  program.code_size = code.size;
  program.format = mlir;
  program.format_size = sizeof mlir - 1;
  ARGS(Client_Compile, args);
  args.client = on.client;
  args.program = &program;
  args.compile_options = options.data;
  args.compile_options_size = options.size;
  TRY(on.api->Client_Compile(&args));
  *out = args.executable;
  return NULL;
}

PJRT_Error *serialize(handle on, PJRT_LoadedExecutable *x, PJRT_Executable_Serialize_Args *out) {
  ARGS(LoadedExecutable_GetExecutable, get);
  get.loaded_executable = x;
  TRY(on.api->LoadedExecutable_GetExecutable(&get));
  memset(out, 0, sizeof *out);
  out->struct_size = sizeof *out;
  out->executable = get.executable;
  PJRT_Error *error = on.api->Executable_Serialize(out);
  ARGS(Executable_Destroy, args);
  args.executable = get.executable;
  PJRT_Error *other = on.api->Executable_Destroy(&args);
  if (!error) return other;
  if (other) free(error_text(on.api, other));
  return error;
}

void free_serialized(PJRT_Executable_Serialize_Args *args) {
  args->serialized_executable_deleter(args->serialized_executable);
}

PJRT_Error *deserialize(handle on, text code, PJRT_LoadedExecutable **out) {
  ARGS(Executable_DeserializeAndLoad, args);
  args.client = on.client;
  args.serialized_executable = code.data;
  args.serialized_executable_size = code.size;
  TRY(on.api->Executable_DeserializeAndLoad(&args));
  *out = args.loaded_executable;
  return NULL;
}

PJRT_Error *destroy_executable(handle on, PJRT_LoadedExecutable *x) {
  ARGS(LoadedExecutable_Destroy, args);
  args.executable = x;
  return on.api->LoadedExecutable_Destroy(&args);
}

PJRT_Error *to_device(handle on, const char *data, int type, const int64_t *dims, size_t rank, PJRT_Buffer **out) {
  ARGS(Client_BufferFromHostBuffer, args);
  args.client = on.client;
  args.data = data;
  args.type = type;
  args.dims = dims;
  args.num_dims = rank;
  args.host_buffer_semantics = PJRT_HostBufferSemantics_kImmutableOnlyDuringCall;
  args.device = on.device;
  TRY(on.api->Client_BufferFromHostBuffer(&args));
  PJRT_Error *error = finish(on.api, args.done_with_host_buffer);
  if (error) {
    PJRT_Error *other = destroy_buffer(on, args.buffer);
    if (other) free(error_text(on.api, other));
    return error;
  }
  *out = args.buffer;
  return NULL;
}

// MAX_RANK is more than any array has.
enum { MAX_RANK = 64 };

PJRT_Error *to_host(handle on, PJRT_Buffer *b, size_t rank, char *dst, size_t size) {
  int64_t order[MAX_RANK];  // the last axis is the minor one, whatever the device prefers
  for (size_t i = 0; i < rank; i++) order[i] = (int64_t)(rank - 1 - i);
  PJRT_Buffer_MemoryLayout layout;
  memset(&layout, 0, sizeof layout);
  layout.struct_size = sizeof layout;
  layout.tiled.struct_size = sizeof layout.tiled;
  layout.tiled.minor_to_major = order;
  layout.tiled.minor_to_major_size = rank;
  ARGS(Buffer_ToHostBuffer, args);
  args.src = b;
  args.host_layout = &layout;
  args.dst = dst;
  args.dst_size = size;
  TRY(on.api->Buffer_ToHostBuffer(&args));
  return finish(on.api, args.event);
}

PJRT_Error *destroy_buffer(handle on, PJRT_Buffer *b) {
  if (!b) return NULL;
  ARGS(Buffer_Destroy, args);
  args.buffer = b;
  return on.api->Buffer_Destroy(&args);
}

PJRT_Error *execute(call *c) {
  PJRT_ExecuteOptions options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.non_donatable_input_indices = c->kept;
  options.num_non_donatable_input_indices = c->num_kept;
  PJRT_Buffer *const *in = c->in;
  PJRT_Buffer **out = c->out;
  PJRT_Event *done = NULL;
  ARGS(LoadedExecutable_Execute, args);
  args.executable = c->executable;
  args.options = &options;
  args.argument_lists = &in;
  args.num_devices = 1;
  args.num_args = c->num_in;
  args.output_lists = &out;
  args.device_complete_events = &done;
  TRY(c->on.api->LoadedExecutable_Execute(&args));
  return finish(c->on.api, done);
}
