/* What runs on the emulated PC: loads artifacts, runs their functions, prints what they compute.
 *
 * No operating system: reset.c has switched the processor to 64 bits, everything runs in ring 0 on
 * one stack, memory is given out and taken back as a whole. See Protocol.h for what comes in at
 * 16 MiB and what goes out through the parallel port, which the emulator writes to a file. An
 * exception is printed and ends it. What Linux does for an artifact is here the system call
 * arch_prctl alone, by which a process asks for tile state.
 */
#include "ingot/artifact.h"
#include "tests/emulated/guest/Protocol.h"
#include <elf.h>
#include <stddef.h>

#define PAYLOAD ((const char *)0x1000000)
#define MEMORY_END 0x40000000ull /* 1 GiB, as `start` says */
#define BLOCK 0x800000           /* of the emulator's memory, likewise */

/* The processor. */

static void out(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static uint64_t readState(uint32_t number) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(number));
  return low | (uint64_t)high << 32;
}

static void writeModelRegister(uint32_t number, uint64_t value) {
  __asm__ volatile("wrmsr" ::"c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void cpuid(uint32_t leaf, uint32_t part, uint32_t words[4]) {
  __asm__ volatile("cpuid"
                   : "=a"(words[0]), "=b"(words[1]), "=c"(words[2]), "=d"(words[3])
                   : "a"(leaf), "c"(part));
}

/* Results. */

static void put(const void *data, uint64_t bytes) {
  const uint8_t *from = data;
  for (uint64_t i = 0; i < bytes; ++i) {
    out(0x378, from[i]);
    out(0x37a, 0x0d); /* strobe */
    out(0x37a, 0x0c);
  }
}
static void putWord(uint64_t word) { put(&word, sizeof word); }
static void putFilled(const void *data, uint64_t bytes) {
  static const char zeros[8];
  put(data, bytes);
  put(zeros, -bytes & 7);
}

static _Noreturn void stop(void) {
  for (const char *c = "Shutdown"; *c; ++c)
    out(0x8900, (uint8_t)*c);
  for (;;)
    __asm__ volatile("cli; hlt");
}

/* Exceptions and the system call. */

struct Gate {
  uint16_t low, segment, kind, middle;
  uint32_t high, zero;
};
static struct Gate gates[32] __attribute__((aligned(16)));
extern const char faultStubs[];
void onSystemCall(void);

__asm__(".text\n"
        ".balign 16\n"
        "faultStubs:\n"
        ".set vector, 0\n"
        ".rept 32\n"
        ".balign 16\n"
        "  pushq $vector\n"
        "  jmp faulted\n"
        ".set vector, vector + 1\n"
        ".endr\n"
        "faulted:\n"
        "  movq (%rsp), %rdi\n"
        "  movq 8(%rsp), %rsi\n"
        "  movq 16(%rsp), %rdx\n"
        "  andq $-16, %rsp\n"
        "  call onFault\n"
        "onSystemCall:\n" /* returns to rcx; nothing else changes */
        "  cmpq $158, %rax\n"
        "  jne unknownCall\n"
        "  cmpq $0x1023, %rdi\n"
        "  jne unknownCall\n"
        "  cmpq $18, %rsi\n"
        "  jne unknownCall\n"
        "  incq tileRequests(%rip)\n"
        "  movq tileAnswer(%rip), %rax\n"
        "  jmp *%rcx\n"
        "unknownCall:\n"
        "  movq $-38, %rax\n"
        "  jmp *%rcx\n");

uint64_t tileRequests;
int64_t tileAnswer;

_Noreturn void onFault(uint64_t vector, uint64_t first, uint64_t second) {
  putWord(kFault);
  putWord(vector);
  putWord(first);
  putWord(second);
  putWord(vector == 6 ? *(const uint64_t *)first : 0);
  stop();
}

static void setUpProcessor(void) {
  for (uint64_t v = 0; v < 32; ++v) {
    uint64_t address = (uint64_t)faultStubs + 16 * v;
    gates[v] = (struct Gate){(uint16_t)address,         24, 0x8e00, (uint16_t)(address >> 16),
                             (uint32_t)(address >> 32), 0};
  }
  struct {
    uint16_t bytes;
    uint64_t address;
  } __attribute__((packed)) table = {sizeof gates - 1, (uint64_t)gates};
  __asm__ volatile("lidt %0" ::"m"(table));
  writeModelRegister(0xc0000081, (uint64_t)24 << 32); /* the segments of a system call */
  writeModelRegister(0xc0000082, (uint64_t)onSystemCall);
  writeModelRegister(0xc0000084, 0);
  uint32_t words[4];
  cpuid(13, 0, words);
  __asm__ volatile("xsetbv" ::"c"(0), "a"(words[0] & 0x600e7), "d"(0)); /* vectors, tiles */
}

/* Memory. */

static char *next;

static char *allocate(uint64_t bytes) {
  char *block = (char *)(((uint64_t)next + 63) & ~(uint64_t)63);
  next = block + bytes;
  if ((uint64_t)next > MEMORY_END)
    onFault(100, (uint64_t)next, bytes);
  return block;
}

void *memcpy(void *to, const void *from, size_t bytes) {
  void *result = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
  return result;
}
void *memset(void *to, int value, size_t bytes) {
  void *result = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return result;
}
void *memmove(void *to, const void *from, size_t bytes) {
  if ((uintptr_t)to - (uintptr_t)from >= bytes)
    return memcpy(to, from, bytes);
  char *last = (char *)to + bytes - 1;
  const char *source = (const char *)from + bytes - 1;
  __asm__ volatile("std; rep movsb; cld" : "+D"(last), "+S"(source), "+c"(bytes)::"memory");
  return to;
}

static int equal(const void *x, const void *y, uint64_t bytes) {
  const char *a = x, *b = y;
  for (uint64_t i = 0; i < bytes; ++i)
    if (a[i] != b[i])
      return 0;
  return 1;
}
static int sameText(const char *x, const char *y) {
  while (*x && *x == *y)
    ++x, ++y;
  return *x == *y;
}

/* Artifacts. */

static uint64_t addressOf(const char *name) {
  if (sameText(name, "memcpy"))
    return (uint64_t)memcpy;
  if (sameText(name, "memmove"))
    return (uint64_t)memmove;
  if (sameText(name, "memset"))
    return (uint64_t)memset;
  onFault(101, *(const uint64_t *)name, 0);
}

static void relocate(char *base, const Elf64_Rela *list, uint64_t bytes, const Elf64_Sym *symbols,
                     const char *names) {
  for (const Elf64_Rela *r = list; r < list + bytes / sizeof *r; ++r) {
    const Elf64_Sym *symbol = symbols + ELF64_R_SYM(r->r_info);
    uint64_t *place = (uint64_t *)(base + r->r_offset);
    uint64_t value = symbol->st_shndx == SHN_UNDEF && ELF64_R_SYM(r->r_info) != 0
                         ? addressOf(names + symbol->st_name)
                         : (uint64_t)base + symbol->st_value;
    switch (ELF64_R_TYPE(r->r_info)) {
    case R_X86_64_RELATIVE:
      *place = (uint64_t)base + (uint64_t)r->r_addend;
      break;
    case R_X86_64_64:
    case R_X86_64_GLOB_DAT:
    case R_X86_64_JUMP_SLOT:
      *place = value + (uint64_t)r->r_addend;
      break;
    default:
      onFault(102, r->r_info, 0);
    }
  }
}

/* A shared object's first byte in memory. */
static char *load(const char *file) {
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
  const Elf64_Phdr *parts = (const Elf64_Phdr *)(file + header->e_phoff);
  uint64_t bytes = 0;
  for (int i = 0; i < header->e_phnum; ++i)
    if (parts[i].p_type == PT_LOAD && bytes < parts[i].p_vaddr + parts[i].p_memsz)
      bytes = parts[i].p_vaddr + parts[i].p_memsz;
  char *base = allocate(bytes + 4096);
  base += -(uint64_t)base & 4095;
  memset(base, 0, bytes);
  const Elf64_Dyn *dynamic = 0;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (parts[i].p_type == PT_LOAD)
      memcpy(base + parts[i].p_vaddr, file + parts[i].p_offset, parts[i].p_filesz);
    if (parts[i].p_type == PT_DYNAMIC)
      dynamic = (const Elf64_Dyn *)(base + parts[i].p_vaddr);
  }
  uint64_t found[DT_JMPREL + 1] = {0};
  for (; dynamic && dynamic->d_tag != DT_NULL; ++dynamic)
    if (dynamic->d_tag >= 0 && dynamic->d_tag <= DT_JMPREL)
      found[dynamic->d_tag] = dynamic->d_un.d_val;
  const Elf64_Sym *symbols = (const Elf64_Sym *)(base + found[DT_SYMTAB]);
  const char *names = base + found[DT_STRTAB];
  relocate(base, (const Elf64_Rela *)(base + found[DT_RELA]), found[DT_RELASZ], symbols, names);
  relocate(base, (const Elf64_Rela *)(base + found[DT_JMPREL]), found[DT_PLTRELSZ], symbols, names);
  return base;
}

/* The payload. */

static const char *cursor = PAYLOAD;

static uint64_t take(void) {
  uint64_t word = *(const uint64_t *)cursor;
  cursor += 8;
  return word;
}
static const char *takeBytes(uint64_t bytes) {
  const char *data = cursor;
  cursor += (bytes + 7) & ~(uint64_t)7;
  return data;
}

/* Runs. */

static uint64_t tilesInUse;

/* Whether tiles are configured. (Bochs 3.0 says of their data the contrary of what is.) */
static void checkTiles(void) {
  if (readState(0) & 0x20000)
    tilesInUse |= readState(1) & 0x20000;
}
static void inOrder(void *pool, ingot_task task, void *arg, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    task(arg, i);
    checkTiles();
  }
}
static void inReverse(void *pool, ingot_task task, void *arg, int64_t count) {
  for (int64_t i = count; i-- > 0;)
    task(arg, i);
}

static uint64_t bitsOf(int32_t dtype) {
  static const uint8_t bits[INGOT_STRING + 1] = {0,  8, 8, 16, 32, 64, 8, 16, 32, 64, 16, 16, 32,
                                                 64, 2, 2, 4,  4,  8,  8, 8,  8,  8,  4,  128};
  return bits[dtype];
}
static uint64_t bytesOf(const ingot_tensor_info *info, const int64_t *extents) {
  uint64_t elements = 1;
  for (int32_t d = 0; d < info->rank; ++d)
    elements *= (uint64_t)extents[d];
  return (elements * bitsOf(info->dtype) + 7) / 8;
}

/* What a run writes. */
struct Outcome {
  char *state;
  void **outputs;
  int64_t *extents;
  int32_t status;
};

static const ingot_artifact_table *table;

static struct Outcome runOnce(const ingot_function *function, const int64_t *plan,
                              const void *const *inputs, const char *state,
                              ingot_parallel_for parallelFor) {
  struct Outcome outcome;
  outcome.state = allocate(table->state_bytes);
  memcpy(outcome.state, state, table->state_bytes);
  outcome.outputs = (void **)allocate(8 * (uint64_t)function->output_count);
  int64_t extents = 0;
  for (int64_t o = 0; o < function->output_count; ++o) {
    const ingot_tensor_info *info = &function->outputs[o];
    uint64_t bytes = bytesOf(info, plan + function->output_dims + extents);
    outcome.outputs[o] = allocate(bytes);
    memset(outcome.outputs[o], 0xff, bytes);
    extents += info->rank;
  }
  outcome.extents = (int64_t *)allocate(8 * (uint64_t)extents);
  memcpy(outcome.extents, plan + function->output_dims, 8 * (uint64_t)extents);
  ingot_run run;
  memset(&run, 0, sizeof run);
  run.size = sizeof run;
  run.plan = plan;
  run.inputs = inputs;
  run.outputs = outcome.outputs;
  run.state = outcome.state;
  run.arena = allocate((uint64_t)plan[0]);
  memset(run.arena, 0xff, (uint64_t)plan[0]);
  run.parallel_for = parallelFor;
  run.extents = outcome.extents;
  outcome.status = function->run(&run);
  return outcome;
}

static int sameOutcome(const ingot_function *function, const struct Outcome *x,
                       const struct Outcome *y) {
  if (x->status != y->status || !equal(x->state, y->state, table->state_bytes))
    return 0;
  int64_t extents = 0;
  for (int64_t o = 0; x->status == INGOT_OK && o < function->output_count; ++o) {
    const ingot_tensor_info *info = &function->outputs[o];
    uint64_t bytes = bytesOf(info, x->extents + extents);
    if (!equal(x->extents + extents, y->extents + extents, 8 * (uint64_t)info->rank) ||
        !equal(x->outputs[o], y->outputs[o], bytes))
      return 0;
    extents += info->rank;
  }
  return 1;
}

/* Begins the record of a run, when it is over: one that ends in an exception has none. */
static void putRun(uint64_t number, int32_t status) {
  putWord(kRun);
  putWord(number);
  putWord((uint64_t)(int64_t)status);
}

static void putOutcome(const ingot_function *function, const struct Outcome *outcome,
                       uint64_t flags) {
  putWord(flags);
  putWord((uint64_t)function->output_count);
  int64_t extents = 0;
  for (int64_t o = 0; o < function->output_count; ++o) {
    const ingot_tensor_info *info = &function->outputs[o];
    uint64_t bytes = bytesOf(info, outcome->extents + extents);
    putWord((uint64_t)info->rank);
    put(outcome->extents + extents, 8 * (uint64_t)info->rank);
    putWord(bytes);
    putFilled(outcome->outputs[o], bytes);
    extents += info->rank;
  }
  putWord((uint64_t)table->variable_count);
  for (int64_t v = 0; v < table->variable_count; ++v) {
    putWord(table->variables[v].bytes);
    putFilled(outcome->state + table->variables[v].offset, table->variables[v].bytes);
  }
}

static char *takeState(void) {
  char *state = allocate(table->state_bytes);
  if (table->initial_state)
    memcpy(state, table->initial_state, table->state_bytes);
  else
    memset(state, 0, table->state_bytes);
  uint64_t count = take();
  for (uint64_t v = 0; v < count; ++v) {
    const ingot_variable_info *info = &table->variables[take()];
    uint64_t bytes = take();
    memcpy(state + info->offset, takeBytes(bytes), bytes);
  }
  return state;
}

static void derive(char *state) {
  const ingot_function *function = table->derive;
  if (!function)
    return;
  int64_t *plan = (int64_t *)allocate(8 * (uint64_t)function->plan_words);
  function->plan(0, plan);
  ingot_run run;
  memset(&run, 0, sizeof run);
  run.size = sizeof run;
  run.plan = plan;
  run.state = state;
  run.arena = allocate((uint64_t)plan[0]);
  run.parallel_for = inOrder;
  function->run(&run);
}

static void runFunction(void) {
  char *before = next;
  uint64_t number = take();
  const ingot_function *function = &table->functions[take()];
  take(); /* as many symbols as the function has */
  const int64_t *symbols = (const int64_t *)takeBytes(8 * (uint64_t)function->symbol_count);
  uint64_t count = take();
  const void **inputs = (const void **)allocate(8 * count);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t bytes = take();
    inputs[i] = takeBytes(bytes);
  }
  char *state = takeState();
  derive(state);
  int64_t *plan = (int64_t *)allocate(8 * (uint64_t)function->plan_words);
  int32_t status = function->plan(symbols, plan);
  tilesInUse = 0;
  if (status == INGOT_OK) {
    struct Outcome first = runOnce(function, plan, inputs, state, inOrder),
                   second = runOnce(function, plan, inputs, state, inReverse);
    uint64_t flags = (sameOutcome(function, &first, &second) ? 0 : kOrderMatters) |
                     (tilesInUse ? kTilesInUse : 0);
    if (first.status == INGOT_OK) {
      putRun(number, INGOT_OK);
      putOutcome(function, &first, flags);
      next = before;
      return;
    }
    status = first.status;
  }
  putRun(number, status);
  putWord(0); /* flags, outputs, variables */
  putWord(0);
  putWord(0);
  next = before;
}

static void openModule(char *memory) {
  tileAnswer = take() ? -95 : 0;
  uint64_t bytes = take(), entry = take();
  const char *file = takeBytes(bytes);
  next = memory;
  table = ((ingot_artifact_fn)(load(file) + entry))();
  const char *variant = table ? table->variant : "none";
  uint64_t length = 0;
  while (variant[length])
    ++length;
  putWord(kModule);
  putWord(tileRequests);
  putWord(length);
  putFilled(variant, length);
}

/* The emulator gives memory to the guest block by block when it is first touched, one behind the
 * other, and has put the payload behind its first block: so blocks are touched in their order,
 * before anything else above the first. */
static void touchMemory(void) {
  for (const volatile char *block = PAYLOAD; (uint64_t)block < MEMORY_END; block += BLOCK)
    (void)*block;
}

_Noreturn void guestMain(void) {
  touchMemory();
  out(0x37a, 0x0c); /* the printer is selected and set up */
  setUpProcessor();
  char *memory = (char *)(PAYLOAD + take());
  for (;;) {
    switch (take()) {
    case kModule:
      openModule(memory);
      break;
    case kRun:
      runFunction();
      break;
    default:
      putWord(kEnd);
      stop();
    }
  }
}

__asm__(".section .start, \"ax\"\n"
        "start:\n"
        "  movq $0x700000, %rsp\n"
        "  xorl %ebp, %ebp\n"
        "  call guestMain\n"
        ".text\n");
