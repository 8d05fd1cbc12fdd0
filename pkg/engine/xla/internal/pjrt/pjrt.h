// The part of the PJRT C API that this package calls, laid out as pjrt_c_api.h of openxla/xla lays it out (API version
// 0.104; its structs only ever grow at their ends). Each args struct ends with zeros where later versions may have fields
// of their own: a plugin takes a struct that is longer than the one it knows.
#ifndef DREY_PJRT_H_
#define DREY_PJRT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct PJRT_Error PJRT_Error;
typedef struct PJRT_Event PJRT_Event;
typedef struct PJRT_Client PJRT_Client;
typedef struct PJRT_Device PJRT_Device;
typedef struct PJRT_DeviceDescription PJRT_DeviceDescription;
typedef struct PJRT_Buffer PJRT_Buffer;
typedef struct PJRT_Executable PJRT_Executable;
typedef struct PJRT_LoadedExecutable PJRT_LoadedExecutable;
typedef struct PJRT_SerializedExecutable PJRT_SerializedExecutable;

#define PJRT_HEAD     \
  size_t struct_size; \
  void *extension_start
#define PJRT_LATER void *later[4]

typedef struct {
  PJRT_HEAD;
  int major_version;
  int minor_version;
} PJRT_Api_Version;

typedef struct {
  PJRT_HEAD;
  PJRT_Error *error;
  PJRT_LATER;
} PJRT_Error_Destroy_Args;

typedef struct {
  PJRT_HEAD;
  const PJRT_Error *error;
  const char *message;  // out
  size_t message_size;  // out
  PJRT_LATER;
} PJRT_Error_Message_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_LATER;
} PJRT_Plugin_Initialize_Args;

// Values of PJRT_NamedValue.type.
enum { PJRT_NamedValue_kString, PJRT_NamedValue_kInt64 };

typedef struct {
  PJRT_HEAD;
  const char *name;
  size_t name_size;
  int type;
  union {
    const char *string_value;
    int64_t int64_value;
  };
  size_t value_size;
} PJRT_NamedValue;

typedef struct {
  PJRT_HEAD;
  const PJRT_NamedValue *attributes;  // out
  size_t num_attributes;              // out
  PJRT_LATER;
} PJRT_Plugin_Attributes_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_Event *event;
  PJRT_LATER;
} PJRT_Event_Destroy_Args;

typedef PJRT_Event_Destroy_Args PJRT_Event_Await_Args;

typedef struct {
  PJRT_HEAD;
  const PJRT_NamedValue *create_options;
  size_t num_options;
  void *kv_get_callback, *kv_get_user_arg, *kv_put_callback, *kv_put_user_arg;
  PJRT_Client *client;  // out
  void *kv_try_get_callback, *kv_try_get_user_arg;
  PJRT_LATER;
} PJRT_Client_Create_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_Client *client;
  const char *text;  // out
  size_t size;       // out
  PJRT_LATER;
} PJRT_Client_PlatformName_Args;

typedef PJRT_Client_PlatformName_Args PJRT_Client_PlatformVersion_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_Client *client;
  PJRT_Device *const *addressable_devices;  // out
  size_t num_addressable_devices;           // out
  PJRT_LATER;
} PJRT_Client_AddressableDevices_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_Device *device;
  PJRT_DeviceDescription *device_description;  // out
  PJRT_LATER;
} PJRT_Device_GetDescription_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_DeviceDescription *device_description;
  const char *text;  // out
  size_t size;       // out
  PJRT_LATER;
} PJRT_DeviceDescription_Kind_Args;

typedef PJRT_DeviceDescription_Kind_Args PJRT_DeviceDescription_DebugString_Args;

typedef struct {
  PJRT_HEAD;
  char *code;
  size_t code_size;
  const char *format;
  size_t format_size;
  PJRT_LATER;
} PJRT_Program;

typedef struct {
  PJRT_HEAD;
  PJRT_Client *client;
  const PJRT_Program *program;
  const char *compile_options;  // a CompileOptionsProto
  size_t compile_options_size;
  PJRT_LoadedExecutable *executable;  // out
  PJRT_LATER;
} PJRT_Client_Compile_Args;

// Values of PJRT_Client_BufferFromHostBuffer_Args.type.
enum {
  PJRT_Buffer_Type_PRED = 1,
  PJRT_Buffer_Type_S32 = 4,
  PJRT_Buffer_Type_S64 = 5,
  PJRT_Buffer_Type_U32 = 8,
  PJRT_Buffer_Type_U64 = 9,
  PJRT_Buffer_Type_F32 = 11,
  PJRT_Buffer_Type_F64 = 12,
};

// PJRT_HostBufferSemantics: the data are copied before the call returns.
enum { PJRT_HostBufferSemantics_kImmutableOnlyDuringCall };

typedef struct {
  PJRT_HEAD;
  PJRT_Client *client;
  const void *data;
  int type;
  const int64_t *dims;
  size_t num_dims;
  const int64_t *byte_strides;
  size_t num_byte_strides;
  int host_buffer_semantics;
  PJRT_Device *device;
  void *memory;
  void *device_layout;
  PJRT_Event *done_with_host_buffer;  // out
  PJRT_Buffer *buffer;                // out
  PJRT_LATER;
} PJRT_Client_BufferFromHostBuffer_Args;

typedef struct {
  PJRT_HEAD;
  struct {
    PJRT_HEAD;
    const int64_t *minor_to_major;
    size_t minor_to_major_size;
    const int64_t *tile_dims;
    const size_t *tile_dim_sizes;
    size_t num_tiles;
  } tiled;
  int type;  // 0: tiled
} PJRT_Buffer_MemoryLayout;

typedef struct {
  PJRT_HEAD;
  PJRT_Buffer *src;
  PJRT_Buffer_MemoryLayout *host_layout;
  void *dst;
  size_t dst_size;
  PJRT_Event *event;  // out
  PJRT_LATER;
} PJRT_Buffer_ToHostBuffer_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_Buffer *buffer;
  PJRT_LATER;
} PJRT_Buffer_Destroy_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_LoadedExecutable *executable;
  PJRT_LATER;
} PJRT_LoadedExecutable_Destroy_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_LoadedExecutable *loaded_executable;
  PJRT_Executable *executable;  // out
  PJRT_LATER;
} PJRT_LoadedExecutable_GetExecutable_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_Executable *executable;
  PJRT_LATER;
} PJRT_Executable_Destroy_Args;

typedef struct {
  PJRT_HEAD;
  const PJRT_Executable *executable;
  const char *serialized_bytes;  // out
  size_t serialized_bytes_size;  // out
  PJRT_SerializedExecutable *serialized_executable;                          // out
  void (*serialized_executable_deleter)(PJRT_SerializedExecutable *);        // out
  PJRT_LATER;
} PJRT_Executable_Serialize_Args;

typedef struct {
  PJRT_HEAD;
  PJRT_Client *client;
  const char *serialized_executable;
  size_t serialized_executable_size;
  PJRT_LoadedExecutable *loaded_executable;  // out
  const char *overridden_serialized_compile_options;
  size_t overridden_serialized_compile_options_size;
  PJRT_LATER;
} PJRT_Executable_DeserializeAndLoad_Args;

typedef struct {
  PJRT_HEAD;
  void *send_callbacks, *recv_callbacks;
  size_t num_send_ops, num_recv_ops;
  int launch_id;
  const int64_t *non_donatable_input_indices;
  size_t num_non_donatable_input_indices;
  void *context;
  const char *call_location;
  size_t num_tasks;
  int *task_ids;
  int64_t *incarnation_ids;
  void *multi_slice_config;
  PJRT_LATER;
} PJRT_ExecuteOptions;

typedef struct {
  PJRT_HEAD;
  PJRT_LoadedExecutable *executable;
  PJRT_ExecuteOptions *options;
  PJRT_Buffer *const *const *argument_lists;
  size_t num_devices;
  size_t num_args;
  PJRT_Buffer **const *output_lists;
  PJRT_Event **device_complete_events;  // out
  PJRT_Device *execute_device;
  PJRT_LATER;
} PJRT_LoadedExecutable_Execute_Args;

#define PJRT_CALL(name) PJRT_Error *(*name)(PJRT_##name##_Args *)

// PJRT_Api is the table of functions that a plugin's GetPjrtApi returns; those between the ones that are called have no
// names here.
typedef struct {
  PJRT_HEAD;
  PJRT_Api_Version pjrt_api_version;
  void (*Error_Destroy)(PJRT_Error_Destroy_Args *);
  void (*Error_Message)(PJRT_Error_Message_Args *);
  void *between0[1];
  PJRT_CALL(Plugin_Initialize);
  PJRT_CALL(Plugin_Attributes);
  PJRT_CALL(Event_Destroy);
  void *between1[2];
  PJRT_CALL(Event_Await);
  void *between2[1];
  PJRT_CALL(Client_Create);
  void *between3[1];
  PJRT_CALL(Client_PlatformName);
  void *between4[1];
  PJRT_CALL(Client_PlatformVersion);
  void *between5[1];
  PJRT_CALL(Client_AddressableDevices);
  void *between6[3];
  PJRT_CALL(Client_Compile);
  void *between7[1];
  PJRT_CALL(Client_BufferFromHostBuffer);
  void *between8[3];
  PJRT_CALL(DeviceDescription_Kind);
  PJRT_CALL(DeviceDescription_DebugString);
  void *between9[1];
  PJRT_CALL(Device_GetDescription);
  void *between10[10];
  PJRT_CALL(Executable_Destroy);
  void *between11[8];
  PJRT_CALL(Executable_Serialize);
  PJRT_CALL(LoadedExecutable_Destroy);
  PJRT_CALL(LoadedExecutable_GetExecutable);
  void *between12[3];
  PJRT_CALL(LoadedExecutable_Execute);
  PJRT_CALL(Executable_DeserializeAndLoad);
  void *between13[1];
  PJRT_CALL(Buffer_Destroy);
  void *between14[11];
  PJRT_CALL(Buffer_ToHostBuffer);
} PJRT_Api;

// What pjrt.c adds: each returns NULL, or an error that error_text describes and frees.

// text is memory that the plugin owns.
typedef struct {
  const char *data;
  size_t size;
} text;

// handle is a client and the device that it uses.
typedef struct {
  const PJRT_Api *api;
  PJRT_Client *client;
  PJRT_Device *device;
} handle;

// call is an execution that can be repeated.
typedef struct {
  handle on;
  PJRT_LoadedExecutable *executable;
  size_t num_in, num_out, num_kept;
  PJRT_Buffer **in;   // num_in
  PJRT_Buffer **out;  // num_out
  int64_t *kept;      // num_kept indices of inputs that are not donated
  PJRT_Buffer *made;  // the newest buffer from the host
} call;

const PJRT_Api *open_plugin(const char *path, char **problem);
char *error_text(const PJRT_Api *api, PJRT_Error *error);
PJRT_Error *initialize(const PJRT_Api *api);
PJRT_Error *attributes(const PJRT_Api *api, const PJRT_NamedValue **values, size_t *n);
PJRT_Error *create_client(const PJRT_Api *api, PJRT_Client **client);
PJRT_Error *describe_client(handle on, text *platform, text *version);
PJRT_Error *list_devices(handle on, PJRT_Device *const **devices, size_t *n);
PJRT_Error *describe_device(handle on, text *kind, text *name);
PJRT_Error *compile(handle on, text code, text options, PJRT_LoadedExecutable **out);
PJRT_Error *serialize(handle on, PJRT_LoadedExecutable *x, PJRT_Executable_Serialize_Args *out);
void free_serialized(PJRT_Executable_Serialize_Args *args);
PJRT_Error *deserialize(handle on, text code, PJRT_LoadedExecutable **out);
PJRT_Error *destroy_executable(handle on, PJRT_LoadedExecutable *x);
PJRT_Error *to_device(handle on, const char *data, int type, const int64_t *dims, size_t rank, PJRT_Buffer **out);
PJRT_Error *to_host(handle on, PJRT_Buffer *b, size_t rank, char *dst, size_t size);
PJRT_Error *destroy_buffer(handle on, PJRT_Buffer *b);
PJRT_Error *execute(call *c);

#endif
