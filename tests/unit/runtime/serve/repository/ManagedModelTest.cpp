// What follows from the versions that there are, the policy, labels and failures.
#include "runtime/serve/repository/ManagedModel.h"
#include "tests/unit/runtime/model/TestFiles.h"

using namespace ingot;
using namespace ingot::serve;
using namespace std::chrono_literals;

namespace {

using Content = FoundVersion::Content;
using Numbers = std::vector<int64_t>;

class ManagedModelTest : public testing::Test {
protected:
  ManagedModelTest() { model.hasConfig = true; }

  void onDisk(const Numbers &numbers, Content content = Content::Published) {
    FoundModel found;
    found.directory = "m";
    for (int64_t number : numbers) {
      FoundVersion &version = found.versions[number];
      version.number = number;
      version.directory = "m/" + std::to_string(number);
      version.content = content;
      version.fingerprint = fingerprints[number];
      version.changed = std::chrono::system_clock::now(); // just copied
    }
    model.update(found, now);
  }
  ManagedModel::Plan plan() { return model.plan(now, 1s); }
  /// As the repository does what a plan says.
  void begin(const ManagedModel::Plan &plan) {
    for (int64_t number : plan.load) {
      ManagedVersion &version = model.versions[number];
      version.isLoading = true;
      version.loadingFingerprint = version.found.fingerprint;
      version.isCancelled = std::make_shared<std::atomic<bool>>(false);
    }
    for (int64_t number : plan.unload)
      model.versions[number].serving.reset();
  }
  void succeed(int64_t number) {
    ManagedVersion &version = model.versions[number];
    version.isLoading = false;
    version.failures = 0;
    version.servingFingerprint = version.loadingFingerprint;
    auto loaded = std::make_shared<ModelVersion>();
    loaded->version = number;
    version.serving = loaded;
  }
  void fail(int64_t number, StatusCode code) {
    model.versions[number].isLoading = false;
    model.loadFailed(number, Status(code, "broken"), now, {2, 60s});
  }
  /// Plans and loads until there is nothing to do.
  void settle() {
    for (ManagedModel::Plan next = plan(); !next.load.empty() || !next.unload.empty();
         next = plan()) {
      begin(next);
      for (int64_t number : next.load)
        succeed(number);
    }
  }
  Numbers serving() const {
    Numbers numbers;
    for (const auto &[number, version] : model.versions)
      if (version.serving)
        numbers.push_back(number);
    return numbers;
  }

  ManagedModel model{"m", ""};
  std::map<int64_t, std::string> fingerprints;
  Clock::time_point now = Clock::now();
};

TEST_F(ManagedModelTest, ServesWhatThePolicySays) {
  onDisk({1, 2, 5});
  settle();
  EXPECT_EQ(serving(), Numbers{5});
  model.config.versions.count = 2;
  settle();
  EXPECT_EQ(serving(), (Numbers{2, 5}));
  model.config.versions.kind = VersionPolicy::Kind::All;
  settle();
  EXPECT_EQ(serving(), (Numbers{1, 2, 5}));
  model.config.versions.kind = VersionPolicy::Kind::Specific;
  model.config.versions.versions = {1};
  settle();
  EXPECT_EQ(serving(), Numbers{1});
}

TEST_F(ManagedModelTest, TheOldVersionServesUntilTheNewOneDoes) {
  onDisk({1});
  settle();
  onDisk({1, 2});
  auto first = plan();
  EXPECT_EQ(first.load, Numbers{2});
  EXPECT_TRUE(first.unload.empty());
  begin(first);
  EXPECT_TRUE(plan().unload.empty());
  EXPECT_TRUE(plan().isPending);
  succeed(2);
  auto second = plan();
  EXPECT_EQ(second.unload, Numbers{1});
  EXPECT_FALSE(second.isPending);
}

TEST_F(ManagedModelTest, WhatCannotBeLoadedLeavesTheOldVersion) {
  onDisk({1});
  settle();
  onDisk({1, 2});
  begin(plan());
  fail(2, StatusCode::DataLoss);
  auto after = plan();
  EXPECT_TRUE(after.load.empty() && after.unload.empty() && !after.isPending);
  EXPECT_EQ(after.wake, Clock::time_point::max()); // the files must change
  EXPECT_EQ(serving(), Numbers{1});
}

TEST_F(ManagedModelTest, AtTheStartAnOlderVersionStandsInForABrokenOne) {
  onDisk({1, 2});
  begin(plan());
  fail(2, StatusCode::DataLoss);
  auto next = plan();
  EXPECT_EQ(next.load, Numbers{1});
}

TEST_F(ManagedModelTest, ChangedFilesAreTriedAgainWhenTheyAreAtRest) {
  onDisk({2});
  begin(plan());
  fail(2, StatusCode::DataLoss); // its manifest was copied first
  fingerprints[2] = "more of it";
  onDisk({2});
  auto early = plan();
  EXPECT_TRUE(early.load.empty());
  EXPECT_TRUE(early.isPending);
  EXPECT_EQ(early.wake, now + 1s);
  now += 1s;
  onDisk({2});
  EXPECT_EQ(plan().load, Numbers{2});
}

TEST_F(ManagedModelTest, WhatMayHelpIsTriedAgainButNotForEver) {
  onDisk({1});
  for (int attempt = 0; attempt <= 2; ++attempt) {
    auto next = plan();
    EXPECT_EQ(next.load, Numbers{1}) << attempt;
    begin(next);
    fail(1, StatusCode::IoError);
    EXPECT_TRUE(plan().load.empty());
    if (attempt < 2) {
      EXPECT_EQ(plan().wake, now + 60s);
    }
    now += 60s;
  }
  EXPECT_TRUE(plan().load.empty());
  EXPECT_EQ(plan().wake, Clock::time_point::max());
  model.forgetFailures(); // on request
  EXPECT_EQ(plan().load, Numbers{1});
}

TEST_F(ManagedModelTest, AVersionWhoseFilesWereReplacedIsLoadedAnew) {
  onDisk({1});
  settle();
  fingerprints[1] = "other files";
  onDisk({1});
  auto next = plan();
  EXPECT_EQ(next.load, Numbers{1});
  EXPECT_TRUE(next.unload.empty());
  begin(next);
  EXPECT_EQ(model.versions[1].state(), VersionState::Available);
  fail(1, StatusCode::DataLoss);
  EXPECT_EQ(serving(), Numbers{1});
  auto status = model.snapshot()->status.versions.at(0);
  EXPECT_EQ(status.state, VersionState::Available);
  EXPECT_EQ(status.error.code(), StatusCode::DataLoss);
}

TEST_F(ManagedModelTest, SourcesAreTakenWhenTheyAreAtRest) {
  onDisk({1}, Content::Source);
  auto early = plan();
  EXPECT_TRUE(early.load.empty());
  EXPECT_TRUE(early.isPending);
  EXPECT_EQ(early.wake, now + 1s);
  now += 900ms;
  fingerprints[1] = "more of it";
  onDisk({1}, Content::Source);
  EXPECT_EQ(plan().wake, now + 1s);
  now += 1s;
  onDisk({1}, Content::Source);
  EXPECT_EQ(plan().load, Numbers{1});
}

TEST_F(ManagedModelTest, WhatIsGoneIsUnloaded) {
  onDisk({1, 2});
  model.config.versions.count = 2;
  settle();
  onDisk({1});
  settle();
  EXPECT_EQ(serving(), Numbers{1});
  onDisk({});
  settle();
  EXPECT_EQ(serving(), Numbers{});
}

TEST_F(ManagedModelTest, AVersionThatThePolicyNamesAndIsNotThereLeavesTheOthers) {
  onDisk({1});
  settle();
  model.config.versions.kind = VersionPolicy::Kind::Specific;
  model.config.versions.versions = {7};
  settle();
  EXPECT_EQ(serving(), Numbers{1});
  onDisk({1, 7});
  settle();
  EXPECT_EQ(serving(), Numbers{7});
}

TEST_F(ManagedModelTest, ALabelKeepsItsVersionAndMovesOnlyToALoadedOne) {
  onDisk({1});
  model.config.labels = {{"stable", 1}};
  settle();
  onDisk({1, 2});
  settle();
  EXPECT_EQ(serving(), (Numbers{1, 2})); // 2 is the latest, 1 has a label
  onDisk({1, 2, 3});
  model.config.labels = {{"stable", 3}};
  auto next = plan();
  EXPECT_EQ(next.load, Numbers{3});
  begin(next);
  EXPECT_EQ(model.labelsInUse.at("stable"), 1);
  EXPECT_TRUE(plan().unload.empty());
  fail(3, StatusCode::DataLoss);
  settle();
  EXPECT_EQ(model.labelsInUse.at("stable"), 1);
  EXPECT_EQ(serving(), (Numbers{1, 2}));
  model.config.labels = {{"stable", 2}}; // back to what serves: at once
  settle();
  EXPECT_EQ(model.labelsInUse.at("stable"), 2);
  EXPECT_EQ(serving(), Numbers{2});
  model.config.labels.clear();
  settle();
  EXPECT_TRUE(model.labelsInUse.empty());
}

TEST_F(ManagedModelTest, UnloadedByRequestItStaysSo) {
  onDisk({1});
  settle();
  model.isWanted = false;
  settle();
  EXPECT_EQ(serving(), Numbers{});
  onDisk({1, 2});
  EXPECT_TRUE(plan().load.empty());
  model.isWanted = true;
  settle();
  EXPECT_EQ(serving(), Numbers{2});
}

TEST_F(ManagedModelTest, ALoadThatNobodyWantsAnyMoreIsCancelled) {
  onDisk({1});
  begin(plan());
  model.isWanted = false;
  (void)plan();
  EXPECT_TRUE(model.versions[1].isCancelled->load());
}

TEST_F(ManagedModelTest, OldVersionsAreForgottenInTheEnd) {
  for (int64_t number = 1; number <= 1000; ++number) {
    onDisk({number});
    settle();
  }
  EXPECT_LT(model.versions.size(), 50u);
  EXPECT_EQ(serving(), Numbers{1000});
}

TEST_F(ManagedModelTest, ErrorsSayWhyThereIsNoVersion) {
  onDisk({1, 2});
  EXPECT_STATUS(model.snapshot()->find(VersionChoice::latest()).status(), NotFound, "");
  begin(plan());
  EXPECT_STATUS(model.snapshot()->find(VersionChoice::latest()).status(), Unavailable,
                "version 2 of model 'm' is being loaded");
  fail(2, StatusCode::DataLoss);
  EXPECT_STATUS(model.snapshot()->find(VersionChoice::of(2)).status(), Unavailable,
                "version 2 of model 'm' could not be loaded: broken");
  begin(plan());
  EXPECT_STATUS(model.snapshot()->find(VersionChoice::latest()).status(), Unavailable,
                "version 1 of model 'm' is being loaded");
  succeed(1);
  EXPECT_EQ((*model.snapshot()->find(VersionChoice::latest()))->version, 1);
  EXPECT_STATUS(model.snapshot()->find(VersionChoice::of(7)).status(), NotFound,
                "does not serve version 7; it serves 1 (policy: latest 1)");
  model.config.labels = {{"stable", 2}};
  EXPECT_STATUS(model.snapshot()->find(VersionChoice::labelled("stable")).status(), Unavailable,
                "label 'stable' of model 'm'");
  EXPECT_STATUS(model.snapshot()->find(VersionChoice::labelled("canary")).status(), NotFound,
                "has no label 'canary'; it has stable");
}

} // namespace
