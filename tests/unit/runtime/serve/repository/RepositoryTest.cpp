// Models as they are served: what is loaded, found, replaced, refused and let go.
#include "tests/unit/runtime/serve/repository/RepositoryFixture.h"

#include <atomic>
#include <thread>

using namespace ingot;
using namespace ingot::serve;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using Numbers = std::vector<int64_t>;

class RepositoryTest : public RepositoryFixture {
protected:
  /// A worker may hold what it has run for a moment longer than it says.
  template <typename Is> static bool isSoon(const Is &is) {
    for (const auto end = Clock::now() + 60s; !is() && Clock::now() < end;)
      std::this_thread::yield();
    return is();
  }
};

TEST_F(RepositoryTest, ServesTheLatestVersion) {
  publish("m", 1, FIXTUREWEIGHTS);
  publish("m", 2, FIXTURESERVED, {{"assets/labels.txt", write("labels", "cat\ndog\n")}});
  open();
  auto version = find("m");
  ASSERT_OK(version.status());
  EXPECT_EQ((*version)->model, "m");
  EXPECT_EQ((*version)->version, 2);
  EXPECT_EQ((*version)->directory, model("m") + "/2");
  EXPECT_EQ((*version)->classNames, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_GE((*version)->memoryBytes, fs::file_size(FIXTURESERVED));
  EXPECT_TRUE((*version)->state->isReadOnly());
  auto y = predict(**version);
  ASSERT_OK(y.status());
  EXPECT_EQ(*y, 9.5f);
  EXPECT_EQ(serving("m"), Numbers{2});
  EXPECT_EQ(status("m", 2).state, VersionState::Available);
  EXPECT_EQ(status("m", 1).state, VersionState::End);
  EXPECT_TRUE(repository->isReady());
}

TEST_F(RepositoryTest, FunctionsThatReadAreServedPredictFirst) {
  publish("m", 1, FIXTUREWEIGHTS);
  open();
  auto version = find("m");
  ASSERT_OK(version.status());
  EXPECT_STREQ((*version)->defaultFunction().function->name, "predict");
  EXPECT_EQ((*version)->find(""), &(*version)->defaultFunction());
  EXPECT_EQ((*version)->find("serving_default"), &(*version)->defaultFunction());
  EXPECT_NE((*version)->find("lookup"), nullptr);
  EXPECT_EQ((*version)->find("absent"), nullptr);
  EXPECT_EQ((*version)->find("train_step"), nullptr);
  EXPECT_EQ((*version)->notServed.at("train_step"), "it writes the state");
}

TEST_F(RepositoryTest, WeightsBesideAnArtifactWithoutAnyAreBound) {
  auto artifact = Artifact::open(FIXTUREWEIGHTS);
  ASSERT_OK(artifact.status());
  auto state = State::create(*artifact);
  ASSERT_OK(state.status());
  ASSERT_OK((*state)->save(path("weights")));
  publish("m", 1, FIXTURELINEAR, {{"variables.safetensors", path("weights")}});
  publish("n", 1, FIXTURELINEAR);
  open();
  auto y = predict("m");
  ASSERT_OK(y.status());
  EXPECT_EQ(*y, 9.5f);
  EXPECT_STATUS(find("n").status(), Unavailable, "variables.safetensors");
}

TEST_F(RepositoryTest, WhatIsUnknownIsNotFoundAndListed) {
  publish("m", 1, FIXTURESERVED);
  publish("n", 1, FIXTURESERVED);
  open();
  EXPECT_STATUS(find("absent").status(), NotFound, "no model 'absent'; there are m, n");
  EXPECT_STATUS(find("m", VersionChoice::of(7)).status(), NotFound, "it serves 1");
  EXPECT_STATUS(find("m", VersionChoice::labelled("x")).status(), NotFound, "no label 'x'");
  EXPECT_STATUS(repository->status("absent").status(), NotFound, "there are m, n");
  EXPECT_STATUS(repository->load("absent", {}), NotFound, "there are m, n");
  EXPECT_STATUS(repository->unload("absent"), NotFound, "there are m, n");
  EXPECT_EQ(repository->index().size(), 2u);
}

TEST_F(RepositoryTest, ANewVersionTakesOverAndTheOldOneIsFreedAfterItsLastRequest) {
  publish("m", 1, FIXTURESERVED);
  open();
  auto old = find("m");
  ASSERT_OK(old.status());
  publish("m", 2, FIXTUREWEIGHTS);
  ASSERT_OK(repository->reload());
  EXPECT_EQ(serving("m"), Numbers{2});
  EXPECT_EQ(status("m", 1).state, VersionState::Unloading);
  auto y = predict(**old); // whoever found it before is served by it
  ASSERT_OK(y.status());
  EXPECT_EQ(*y, 9.5f);
  std::weak_ptr<const Artifact> artifact = (*old)->artifact;
  old = Status(StatusCode::Cancelled, "let go");
  awaitEvent([](const LoadEvent &event) { return event.isUnload && event.version == 1; });
  EXPECT_TRUE(isSoon([&] { return artifact.expired(); }));
  ASSERT_OK(repository->reload());
  EXPECT_EQ(status("m", 1).state, VersionState::End);
  EXPECT_EQ(status("m", 2).state, VersionState::Available);
}

TEST_F(RepositoryTest, AVersionThatWasReplacedUnderItsNameIsReallyTheNewOne) {
  publish("m", 1, FIXTURESERVED);
  open();
  auto old = find("m");
  ASSERT_OK(old.status());
  // Exchanged, as AtomicDirectory does it, while the old file is mapped and has the same path.
  publish("other", 1, FIXTUREWEIGHTS);
  fs::rename(model("m") + "/1", path("old"));
  fs::rename(model("other") + "/1", model("m") + "/1");
  remove("other");
  ASSERT_OK(repository->reload());
  auto replaced = find("m");
  ASSERT_OK(replaced.status());
  EXPECT_NE(*replaced, *old);
  EXPECT_EQ((*old)->artifact->name(), "served");
  EXPECT_EQ((*replaced)->artifact->name(), "linear");
  EXPECT_TRUE(predict(**old).isOk());
}

TEST_F(RepositoryTest, WhatIsWrittenIntoAFileThatServesChangesNothingUntilItIsLoaded) {
  publish("m", 1, FIXTURESERVED);
  open();
  const std::string file = model("m") + "/1/model.so";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  std::string noise(std::filesystem::file_size(file), '\xcc');
  write("models/m/1/model.so", noise); // in place, as `cp` would
  EXPECT_EQ(*predict("m"), 9.5f);
  std::filesystem::resize_file(file, 0);
  EXPECT_EQ(*predict("m"), 9.5f);
  EXPECT_STATUS(repository->reload(), DataLoss, "model.so' has 0 bytes, and should have");
  EXPECT_EQ(*predict("m"), 9.5f); // what was loaded goes on
}

TEST_F(RepositoryTest, AnUnchangedRepositoryIsLeftAlone) {
  publish("m", 1, FIXTURESERVED);
  open();
  auto before = find("m");
  ASSERT_OK(repository->reload());
  ASSERT_OK(repository->load("m", {}));
  EXPECT_EQ(*find("m"), *before);
  EXPECT_EQ(events.size(), 1u);
}

TEST_F(RepositoryTest, BrokenVersionsLeaveTheOldOneServing) {
  publish("m", 1, FIXTURESERVED);
  open();
  struct Case {
    int64_t number;
    StatusCode code;
    const char *fragment;
  };
  publish("m", 2, FIXTURESERVED);
  auto damage = [&](int number, const std::string &artifact) { // published files are read-only
    const std::string place = model("m") + "/" + std::to_string(number) + "/model.so";
    fs::remove(place);
    std::ofstream(place, std::ios::binary) << artifact;
  };
  std::string artifact = read(FIXTURESERVED);
  damage(2, artifact.substr(0, 4096));
  publish("m", 3, FIXTURESERVED);
  artifact[1000] ^= 1;
  damage(3, artifact);
  publish("m", 4, FIXTUREABI2);
  publish("m", 5, FIXTURENOVARIANT);
  publish("m", 6, write("text", "not a shared object"));
  fs::create_directories(model("m") + "/7");
  write("models/m/7/MANIFEST.json", "{}");
  fs::create_directories(model("m") + "/8"); // still empty
  configure("m", R"({"version_policy": {"all": {}}})");
  EXPECT_FALSE(repository->reload().isOk());
  EXPECT_EQ(serving("m"), Numbers{1});
  for (const Case &one : {Case{2, StatusCode::DataLoss, "model.so' has 4096 bytes"},
                          Case{3, StatusCode::DataLoss, "other contents"},
                          Case{4, StatusCode::Unsupported, "interface version 2"},
                          Case{5, StatusCode::Unsupported, "no code for this CPU"},
                          Case{6, StatusCode::Unsupported, "not a shared object"},
                          Case{7, StatusCode::InvalidArgument, "not a manifest"},
                          Case{8, StatusCode::FailedPrecondition, "nothing to serve"}}) {
    VersionStatus seen = status("m", one.number);
    EXPECT_EQ(seen.state, VersionState::End);
    EXPECT_EQ(seen.error.code(), one.code) << one.number;
    EXPECT_NE(seen.error.message().find(one.fragment), std::string::npos) << seen.error.message();
    EXPECT_STATUS(find("m", VersionChoice::of(one.number)).status(), Unavailable, one.fragment);
  }
  for (int64_t number = 3; number <= 8; ++number)
    fs::remove_all(model("m") + "/" + std::to_string(number));
  damage(2, read(FIXTURESERVED)); // mended
  ASSERT_OK(repository->reload());
  EXPECT_EQ(serving("m"), (Numbers{1, 2}));
  EXPECT_TRUE(status("m", 2).error.isOk());
}

TEST_F(RepositoryTest, ABareArtifactIsPassedOver) {
  publish("m", 1, FIXTURESERVED);
  fs::create_directories(model("m") + "/2");
  fs::copy_file(FIXTURESERVED, model("m") + "/2/model.so");
  open();
  EXPECT_EQ(serving("m"), Numbers{1});
  EXPECT_STATUS(status("m", 2).error, FailedPrecondition, "--publish");
}

TEST_F(RepositoryTest, ConfigsSayWhichVersionsAreServedAndChangeWithoutLoadingAnew) {
  for (int64_t number : {1, 2, 3})
    publish("m", number, FIXTURESERVED);
  configure("m", R"({"version_policy": {"latest": {"num_versions": 2}}})");
  open();
  EXPECT_EQ(serving("m"), (Numbers{2, 3}));
  auto before = find("m");
  configure("m", R"({"version_policy": {"specific": {"versions": [1, 3]}},
                     "dynamic_batching": {"priority_levels": 4}})");
  ASSERT_OK(repository->reload());
  EXPECT_EQ(serving("m"), (Numbers{1, 3}));
  auto after = find("m");
  EXPECT_EQ((*after)->config.queue.priorityLevels, 4);
  EXPECT_EQ((*after)->artifact, (*before)->artifact);
  EXPECT_NE((*after)->defaultFunction().queue, (*before)->defaultFunction().queue);
  EXPECT_EQ((*after)->defaultFunction().statistics, (*before)->defaultFunction().statistics);
  EXPECT_TRUE(predict(**before).isOk());
  EXPECT_TRUE(predict(**after).isOk());
}

TEST_F(RepositoryTest, AMistakeInAConfigConcernsItsModelAlone) {
  publish("m", 1, FIXTURESERVED);
  publish("n", 1, FIXTURESERVED);
  configure("m", R"({"batch": 1})");
  open();
  EXPECT_TRUE(find("n").isOk());
  EXPECT_STATUS(find("m").status(), Unavailable, "config.json': unknown key 'batch'");
  EXPECT_STATUS(repository->reload(), InvalidArgument, "unknown key 'batch'");
  configure("m", "{}");
  ASSERT_OK(repository->reload());
  EXPECT_TRUE(find("m").isOk());
  configure("m", "{");
  EXPECT_STATUS(repository->reload(), InvalidArgument, "not JSON");
  EXPECT_TRUE(find("m").isOk()); // as it was
  EXPECT_STATUS(repository->status("m")->error, InvalidArgument, "not JSON");
}

TEST_F(RepositoryTest, AConfigThatServingRefusesIsForgottenWithTheRequestThatHadIt) {
  publish("m", 1, FIXTURESERVED);
  open();
  ModelConfig config;
  config.queue.priorityLevels = 5000;
  EXPECT_STATUS(repository->load("m", config), InvalidArgument, "priorityLevels");
  EXPECT_STATUS(repository->status("m")->error, InvalidArgument, "priorityLevels");
  EXPECT_TRUE(predict("m").isOk()); // as it was
  ASSERT_OK(repository->load("m", {}));
  EXPECT_TRUE(repository->status("m")->error.isOk());
  config.queue.priorityLevels = 3;
  ASSERT_OK(repository->load("m", config));
  EXPECT_EQ((*find("m"))->config.queue.priorityLevels, 3);
}

TEST_F(RepositoryTest, WhatAConfigMadeFailIsTriedAgainWithAnother) {
  options.pollInterval = 5ms;
  options.defaults.queue.priorityLevels = 5000;
  publish("m", 1, FIXTURESERVED);
  open();
  EXPECT_STATUS(find("m").status(), Unavailable, "priorityLevels");
  configure("m", R"({"dynamic_batching": {"priority_levels": 2}})");
  awaitEvent([](const LoadEvent &event) { return event.status.isOk(); });
}

TEST_F(RepositoryTest, MistakesOfAModelAreToldOnceAndApartFromLoads) {
  publish("m", 1, FIXTURESERVED);
  open();
  configure("m", "{");
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(repository->reload().isOk());
  ASSERT_EQ(events.size(), 2u); // the load, the mistake
  EXPECT_FALSE(events[0].isOfModel);
  EXPECT_TRUE(events[1].isOfModel);
  EXPECT_STATUS(events[1].status, InvalidArgument, "not JSON");
}

TEST_F(RepositoryTest, RowsThatAreNoLongerTrustedAreLookedAt) {
  publish("m", 1, FIXTURESERVED);
  configure("m", R"({"trust_rows": true})");
  open();
  auto isBatched = [&](const char *function) {
    return (*find("m"))->find(function)->queue->isBatched();
  };
  EXPECT_TRUE(isBatched("center"));
  configure("m", R"({"trust_rows": false})");
  ASSERT_OK(repository->reload());
  EXPECT_FALSE(isBatched("center"));
  EXPECT_TRUE(isBatched("predict"));
  EXPECT_EQ((*find("m"))->find("center")->areRowsIndependent, false);
  configure("m", R"({"trust_rows": false, "weight": 2})"); // what was found out stays
  ASSERT_OK(repository->reload());
  EXPECT_FALSE(isBatched("center"));
  configure("m", R"({"trust_rows":  true})");
  ASSERT_OK(repository->reload());
  EXPECT_TRUE(isBatched("center"));
}

TEST_F(RepositoryTest, LabelsRollForwardAndBack) {
  publish("m", 1, FIXTURESERVED);
  configure("m", R"({"version_labels": {"stable": 1}})");
  open();
  publish("m", 2, FIXTUREWEIGHTS);
  ASSERT_OK(repository->reload());
  auto labelled = [&] { return (*find("m", VersionChoice::labelled("stable")))->version; };
  EXPECT_EQ((*find("m"))->version, 2);
  EXPECT_EQ(labelled(), 1);
  EXPECT_EQ(status("m", 1).labels, std::vector<std::string>{"stable"});
  configure("m", R"({"version_labels": {"stable":  2}})"); // another size: times may be the same
  ASSERT_OK(repository->reload());
  EXPECT_EQ(labelled(), 2);
  EXPECT_EQ(serving("m"), Numbers{2});
  configure("m", R"({"version_labels": {"stable": 1}})"); // back: it is loaded first
  ASSERT_OK(repository->reload());
  EXPECT_EQ(labelled(), 1);
  EXPECT_EQ(serving("m"), (Numbers{1, 2}));
}

TEST_F(RepositoryTest, LoadAndUnloadByRequest) {
  publish("m", 1, FIXTURESERVED);
  publish("n", 1, FIXTURESERVED);
  options.isExplicit = true;
  options.loadAtStart = {"n"};
  open();
  EXPECT_TRUE(find("n").isOk());
  EXPECT_STATUS(find("m").status(), NotFound, "a load request");
  EXPECT_EQ(repository->index().size(), 2u);
  ASSERT_OK(repository->load("m", {}));
  EXPECT_EQ(serving("m"), Numbers{1});
  publish("m", 2, FIXTURESERVED);
  publish("m", 3, FIXTURESERVED);
  publish("o", 1, FIXTURESERVED);
  EXPECT_STATUS(repository->load("absent", {}), NotFound, "m, n, o");
  EXPECT_EQ(serving("m"), Numbers{1}); // nothing happens by itself
  ModelConfig config;
  config.versions.count = 2;
  ASSERT_OK(repository->load("m", config));
  EXPECT_EQ(serving("m"), (Numbers{2, 3}));
  ASSERT_OK(repository->load("m", {})); // without one: its own
  EXPECT_EQ(serving("m"), Numbers{3});
  ASSERT_OK(repository->unload("m"));
  EXPECT_STATUS(find("m").status(), NotFound, "not loaded");
  ASSERT_OK(repository->reload());
  EXPECT_EQ(serving("m"), Numbers{});
  EXPECT_EQ(serving("n"), Numbers{1});
}

TEST_F(RepositoryTest, LoadingSaysWhatIsWrong) {
  publish("m", 1, FIXTUREABI2);
  fs::create_directories(model("n") + "/1");
  options.isExplicit = true;
  open();
  EXPECT_STATUS(repository->load("m", {}), Unsupported, "version 1 of model 'm'");
  EXPECT_STATUS(repository->load("n", {}), FailedPrecondition, "nothing to serve");
}

TEST_F(RepositoryTest, WhatIsToBeLoadedAtTheStartMustBeThere) {
  options.isExplicit = true;
  options.loadAtStart = {"absent"};
  auto opened = Repository::open(scheduler, options);
  EXPECT_STATUS(opened.status(), NotFound, "'absent'");
  options.loadAtStart = {"*"};
  publish("m", 1, FIXTURESERVED);
  open();
  EXPECT_EQ(serving("m"), Numbers{1});
}

TEST_F(RepositoryTest, DirectoriesThatAreNotThereAreRefused) {
  options.directories = {path("absent")};
  EXPECT_STATUS(Repository::open(scheduler, options).status(), NotFound, "absent");
  options.directories = {path("models"), path("more")};
  publish("m", 1, FIXTURESERVED);
  fs::copy(path("models"), path("more"), fs::copy_options::recursive);
  EXPECT_STATUS(Repository::open(scheduler, options).status(), InvalidArgument,
                "model 'm' is there twice");
}

TEST_F(RepositoryTest, ModelsMayLieElsewhere) {
  publish("m", 1, FIXTURESERVED);
  publish("n", 4, FIXTURESERVED);
  options.directories.clear();
  options.models = {{"half_plus_two", model("m")}};
  options.entries = {{"named", model("n"), {}}};
  options.entries[0].config.labels["stable"] = 4;
  open();
  EXPECT_EQ(serving("half_plus_two"), Numbers{1});
  EXPECT_TRUE(find("named", VersionChoice::labelled("stable")).isOk());
}

TEST_F(RepositoryTest, TheSetOfModelsIsReplacedAsAWhole) {
  publish("m", 1, FIXTURESERVED);
  publish("m", 2, FIXTURESERVED);
  publish("n", 1, FIXTURESERVED);
  open();
  using Entry = ModelEntry;
  Entry n{"n", model("n"), {}}, m{"renamed", model("m"), {}};
  ASSERT_OK(repository->replaceModels({n, m}));
  EXPECT_EQ(serving("n"), Numbers{1});
  EXPECT_EQ(serving("renamed"), Numbers{2});
  EXPECT_STATUS(find("m").status(), NotFound, "no model 'm'");
  m.config.labels = {{"stable", 1}};
  EXPECT_STATUS(repository->replaceModels({m}), FailedPrecondition,
                "label 'stable' of model 'renamed' cannot name version 1, which is not loaded");
  EXPECT_EQ(serving("n"), Numbers{1}); // nothing changed
  m.config.versions.kind = VersionPolicy::Kind::All;
  m.config.labels.clear();
  ASSERT_OK(repository->replaceModels({m}));
  m.config.labels = {{"stable", 1}};
  ASSERT_OK(repository->replaceModels({m}));
  EXPECT_EQ((*find("renamed", VersionChoice::labelled("stable")))->version, 1);
  EXPECT_STATUS(repository->replaceModels({{"x", path("absent"), {}}}), NotFound, "absent");
  EXPECT_STATUS(repository->replaceModels({m, m}), InvalidArgument, "twice");
  EXPECT_EQ(serving("renamed"), (Numbers{1, 2}));
}

TEST_F(RepositoryTest, AModelThatIsGoneIsUnloadedAndForgotten) {
  publish("m", 1, FIXTURESERVED);
  publish("n", 1, FIXTURESERVED);
  open();
  remove("m");
  ASSERT_OK(repository->reload());
  EXPECT_FALSE(find("m").isOk());
  awaitEvent([](const LoadEvent &event) { return event.isUnload; });
  ASSERT_OK(repository->reload());
  EXPECT_EQ(repository->index().size(), 1u);
}

TEST_F(RepositoryTest, ADirectoryThatCannotBeReadTakesNothingAway) {
  publish("m", 1, FIXTURESERVED);
  open();
  fs::rename(path("models"), path("elsewhere"));
  EXPECT_STATUS(repository->reload(), NotFound, "models");
  EXPECT_TRUE(find("m").isOk());
  EXPECT_STATUS(repository->status("m")->error, NotFound, "models");
  fs::rename(path("elsewhere"), path("models"));
  ASSERT_OK(repository->reload());
  EXPECT_TRUE(repository->status("m")->error.isOk());
}

TEST_F(RepositoryTest, PollingFindsWhatIsNew) {
  options.pollInterval = 5ms;
  publish("m", 1, FIXTURESERVED);
  open();
  publish("m", 2, FIXTURESERVED);
  awaitEvent([](const LoadEvent &event) { return event.version == 2 && event.status.isOk(); });
  publish("n", 1, FIXTURESERVED);
  awaitEvent([](const LoadEvent &event) { return event.model == "n" && event.status.isOk(); });
  remove("n");
  awaitEvent([](const LoadEvent &event) { return event.model == "n" && event.isUnload; });
}

TEST_F(RepositoryTest, NobodyFailsWhileVersionsChange) {
  publish("m", 1, FIXTURESERVED);
  open();
  std::atomic<bool> isOver{false};
  std::atomic<int> served{0}, failed{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&] {
      while (!isOver.load()) {
        auto y = predict("m");
        (y.isOk() && *y == 9.5f ? served : failed).fetch_add(1);
      }
    });
  for (int64_t number = 2; number <= 20; ++number) {
    publish("m", number, number % 2 ? FIXTURESERVED : FIXTUREWEIGHTS);
    EXPECT_TRUE(repository->reload().isOk());
    fs::remove_all(model("m") + "/" + std::to_string(number - 1));
  }
  isOver = true;
  for (std::thread &client : clients)
    client.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_GT(served.load(), 0);
}

TEST_F(RepositoryTest, NobodyWhoAsksForALabelFailsWhileItMoves) {
  publish("m", 1, FIXTURESERVED);
  publish("m", 2, FIXTUREWEIGHTS);
  configure("m", R"({"version_labels": {"stable": 1}})");
  open();
  std::atomic<bool> isOver{false};
  Status failed;
  std::thread client([&] {
    while (!isOver.load() && failed.isOk())
      failed = predict("m", VersionChoice::labelled("stable")).status();
  });
  for (int i = 0; i < 20; ++i) {
    const int target = 1 + (i + 1) % 2;
    configure("m", "{\"version_labels\": {\"stable\": " + std::to_string(target) + "}" +
                       std::string(size_t(i), ' ') + "}"); // another size: times may be the same
    ASSERT_OK(repository->reload());
    EXPECT_EQ((*find("m", VersionChoice::labelled("stable")))->version, target);
  }
  isOver = true;
  client.join();
  EXPECT_TRUE(failed.isOk()) << failed.message();
}

TEST_F(RepositoryTest, RequestsOfAllKindsAtTheSameTimeEndAndLeaveWhatTheLastOnesSay) {
  publish("m", 1, FIXTURESERVED);
  publish("n", 1, FIXTUREWEIGHTS);
  options.pollInterval = 1ms;
  open();
  const std::vector<ModelEntry> both = {{"m", model("m"), {}}, {"n", model("n"), {}}};
  auto repeat = [](const std::function<void(int)> &request) {
    return std::thread([request] {
      for (int i = 0; i < 30; ++i)
        request(i);
    });
  };
  std::vector<std::thread> threads;
  threads.push_back(repeat([&](int) { (void)repository->load("m", {}); }));
  threads.push_back(repeat([&](int) { (void)repository->unload("m"); }));
  threads.push_back(repeat([&](int) { (void)repository->reload(); }));
  threads.push_back(repeat([&](int i) {
    (void)repository->replaceModels(i % 2 ? both : std::vector<ModelEntry>{both[i % 4 / 2]});
  }));
  threads.push_back(repeat([&](int) {
    (void)predict("m");
    (void)predict("n");
    (void)repository->index();
  }));
  threads.push_back(repeat([&](int i) { publish("m", i + 2, FIXTURESERVED); }));
  for (std::thread &thread : threads)
    thread.join();
  ASSERT_OK(repository->replaceModels(both));
  EXPECT_EQ(serving("m"), Numbers{31});
  EXPECT_EQ(serving("n"), Numbers{1});
  EXPECT_TRUE(predict("m").isOk());
}

TEST_F(RepositoryTest, WhoeverHoldsAVersionOutlivesTheRepository) {
  publish("m", 1, FIXTURESERVED);
  open();
  auto version = find("m");
  repository.reset();
  auto y = predict(**version);
  ASSERT_OK(y.status());
  EXPECT_EQ(*y, 9.5f);
}

TEST_F(RepositoryTest, ClosingDoesNotWaitForWhatIsBeingLoaded) {
  for (int64_t number = 1; number <= 20; ++number)
    publish("m" + std::to_string(number), 1, FIXTURESERVED);
  auto opened = Repository::open(scheduler, options);
  ASSERT_OK(opened.status());
  EXPECT_EQ((*opened)->index().size(), 20u);
}

TEST_F(RepositoryTest, SourcesAreCompiledAndServed) {
  write("ingot", std::string("#!/bin/sh\n[ \"$1\" = --version ] && exit 0\ncp ") + FIXTURESERVED +
                     " \"$4\"\n");
  fs::permissions(path("ingot"), fs::perms::owner_all);
  options.compiler = path("ingot");
  fs::create_directories(model("m") + "/1");
  write("models/m/1/model.onnx", "a graph");
  open();
  auto y = predict("m");
  ASSERT_OK(y.status());
  EXPECT_EQ(*y, 9.5f);
  EXPECT_EQ((*find("m"))->directory, model("m") + "/1");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_GT(events[0].compiled.count(), 0);
  ASSERT_OK(repository->unload("m"));
  ASSERT_OK(repository->load("m", {})); // from the cache
  EXPECT_EQ(events.back().compiled.count(), 0);
}

/// A source `name`, and a compiler that does not come to an end.
class SlowCompilerTest : public RepositoryTest {
protected:
  void addSlowSource(const std::string &name) {
    write("ingot",
          "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\ntouch " + path("begun") + "\nsleep 1000\n");
    fs::permissions(path("ingot"), fs::perms::owner_all);
    options.compiler = path("ingot");
    fs::create_directories(model(name) + "/1");
    write("models/" + name + "/1/model.onnx", "a graph");
  }
  void awaitCompiler() {
    while (!fs::exists(path("begun")))
      std::this_thread::sleep_for(1ms);
  }
  void openUnready() {
    auto opened = Repository::open(scheduler, options, [this](const LoadEvent &event) {
      std::lock_guard lock(mutex);
      events.push_back(event);
      happened.notify_all();
    });
    ASSERT_OK(opened.status());
    repository = std::move(*opened);
  }
};

TEST_F(SlowCompilerTest, NeitherLoadingNorFreeingWaitsForIt) {
  addSlowSource("a"); // the first of all
  publish("b", 1, FIXTURESERVED);
  openUnready();
  awaitCompiler();
  awaitEvent([](const LoadEvent &event) { return event.model == "b" && event.status.isOk(); });
  ASSERT_OK(repository->unload("b"));
  awaitEvent([](const LoadEvent &event) { return event.model == "b" && event.isUnload; });
}

TEST_F(SlowCompilerTest, StoppingGivesUpWhatIsLoadedAndWhoWaitsIsTold) {
  addSlowSource("a");
  publish("b", 1, FIXTURESERVED);
  openUnready();
  awaitCompiler();
  while (!predict("b").isOk()) // it loads beside
    std::this_thread::sleep_for(1ms);
  auto waiting = std::async(std::launch::async, [&] { return repository->load("a", {}); });
  std::this_thread::sleep_for(5ms);
  repository->stopLoading();
  EXPECT_STATUS(waiting.get(), Unavailable, "the server is stopping");
  EXPECT_STATUS(repository->reload(), Unavailable, "the server is stopping");
  while (!fs::is_empty(path("cache"))) // the compiler is gone, and what it had made
    std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(predict("b").isOk());
}

TEST_F(RepositoryTest, SourcesWithoutACompilerAreRefusedWithTheRemedy) {
  options.compiler = path("absent");
  fs::create_directories(model("m") + "/1");
  write("models/m/1/model.onnx", "a graph");
  publish("n", 1, FIXTURESERVED);
  open();
  EXPECT_STATUS(find("m").status(), Unavailable, "no compiler is installed");
  EXPECT_TRUE(find("n").isOk());
}

/// Lines of /proc/self/maps that are of fixtures' files.
size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  size_t count = 0;
  for (std::string line; std::getline(maps, line);)
    count += line.find("model.so") != std::string::npos;
  return count;
}
size_t openFiles() { return size_t(std::distance(fs::directory_iterator("/proc/self/fd"), {})); }

TEST_F(RepositoryTest, AThousandReloadsLeaveNothingBehind) {
  publish("m", 1, FIXTUREWEIGHTS);
  open();
  const size_t mapped = mappings(), files = openFiles();
  ASSERT_GT(mapped, 0u);
  for (int i = 0; i < 1000; ++i) {
    if (i % 10 == 0) { // replaced under its name
      fs::remove_all(model("m") + "/1");
      publish("m", 1, FIXTUREWEIGHTS);
      ASSERT_OK(repository->reload());
    }
    ASSERT_OK(repository->unload("m"));
    ASSERT_OK(repository->load("m", {}));
    ASSERT_TRUE(predict("m").isOk());
  }
  ASSERT_OK(repository->unload("m"));
  awaitEvent([&](const LoadEvent &) { return events.back().isUnload; }); // after the last load
  EXPECT_TRUE(isSoon([] { return mappings() == 0; })) << mappings();
  EXPECT_EQ(openFiles(), files);
}

} // namespace
