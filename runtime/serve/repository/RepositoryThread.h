// RepositoryThread: the one thread that decides what is loaded: looks at directories, plans, starts
// loads, swaps, and answers requests to load and unload. Behind Repository.h.
//
// Invariant: models_ and what is in them are touched by this thread alone; all that others see is
// in the newest snapshot. Loading and freeing happen on loaders' threads, which have the lowest
// priority and hold no lock that serving needs.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_REPOSITORYTHREAD_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_REPOSITORYTHREAD_H

#include "runtime/serve/repository/Answer.h"
#include "runtime/serve/repository/LoadVersion.h"
#include "runtime/serve/repository/Loader.h"
#include "runtime/serve/repository/Mailbox.h"
#include "runtime/serve/repository/ManagedModel.h"
#include "runtime/serve/repository/Repository.h"
#include "runtime/serve/repository/Snapshot.h"

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace ingot::serve {

class RepositoryThread final : public Repository {
public:
  RepositoryThread(Scheduler &scheduler, RepositoryOptions options,
                   std::function<void(const LoadEvent &)> observe);
  ~RepositoryThread() override;
  /// The first scan, and the thread. Once, before anything else.
  Status start();

  Result<std::shared_ptr<const ModelVersion>> find(std::string_view model,
                                                   const VersionChoice &choice) const override;
  Result<ModelStatus> status(std::string_view model) const override;
  std::vector<ModelStatus> index() const override;
  std::vector<std::shared_ptr<const ModelVersion>> loaded() const override;
  bool isReady() const override;
  bool awaitReady(Clock::time_point deadline) const override;
  Status load(std::string_view model, const std::optional<ModelConfig> &config) override;
  Status unload(std::string_view model) override;
  Status reload() override;
  Status replaceModels(const std::vector<ModelEntry> &models) override;
  void stopLoading() override;

private:
  /// Somebody who waits until models have been loaded.
  struct Waiter {
    std::set<std::string> models;
    bool wantsAVersion = false; ///< it is an error where none serves then
    Status first;               ///< the first error
    std::shared_ptr<Answer> done;
  };

  // On the thread.
  void work();
  void step();
  /// `asked`: models that are looked at although they are loaded by request alone; "*" is all.
  Status scan(const std::set<std::string> &asked);
  void updateModel(const std::string &name, const std::string &base, const FoundModel &found,
                   const std::set<std::string> &asked);
  void readConfig(ManagedModel &model, const FoundModel &found);
  void applyConfig(ManagedModel &model);
  void applyToVersions(ManagedModel &model);
  void updateError(ManagedModel &model);
  void startLoad(ManagedModel &model, int64_t number);
  void onLoaded(const std::string &name, int64_t number, LoadResult result);
  void serve(const std::string &name, int64_t number, std::unique_ptr<ModelVersion> loaded);
  void onReleased(const std::string &name, int64_t number,
                  std::shared_ptr<const ModelVersion> version);
  void onFreed(const std::string &name, int64_t number, std::chrono::nanoseconds took);
  void answerWaiters(const std::set<std::string> &pending);
  void checkReady(const std::set<std::string> &pending);
  void publish();
  void wait(const std::set<std::string> &models, bool wantsAVersion,
            const std::shared_ptr<Answer> &done);
  Status checkEntries(const std::vector<ModelEntry> &entries) const;
  Status unknown(const std::string &name) const;
  Status checkLabels(const ModelEntry &entry) const;
  CompilerOptions compilerOptions() const;

  /// Calls on the thread, and waits for the answer that it is to give.
  Status ask(std::function<void(const std::shared_ptr<Answer> &)> call);

  Scheduler &scheduler_;
  RepositoryOptions options_;
  const std::function<void(const LoadEvent &)> observe_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();

  NewestSnapshot newest_;
  mutable std::mutex readyMutex_;
  mutable std::condition_variable readyChanged_;
  bool isReady_ = false; // under readyMutex_

  std::map<std::string, std::unique_ptr<ManagedModel>> models_;
  std::list<Waiter> waiters_;
  /// Answered when what they asked for is published.
  std::vector<std::pair<std::shared_ptr<Answer>, Status>> answers_;
  Clock::time_point nextPoll_, wake_;
  bool isStopping_ = false, isLoadingStopped_ = false;

  // Compiling may take minutes, for which neither loading nor freeing waits.
  std::unique_ptr<Loader> loader_, compiler_, freer_;
  std::thread thread_;
};

} // namespace ingot::serve

#endif
