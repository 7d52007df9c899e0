// A FIX 4.4 counterpart that is not ours, for the tests: QuickFIX with lines on stdin and stdout.
// counterpart initiator|acceptor PORT STORE SENDER TARGET [FIELDS-OF-LOGON]
// Commands: order ID · exec ID · send TYPE FIELDS · test ID · drop · logout · stop · next-out N. FIELDS are 11=x|55=y; a group of two
// entries is 5013=(55=x;5014=1)(55=y;5014=2).
// Events: up, down, app TYPE ID DUP, got MESSAGE, admin TYPE, sent TYPE.
#include <quickfix/Application.h>
#include <quickfix/FileStore.h>
#include <quickfix/Group.h>
#include <quickfix/Log.h>
#include <quickfix/Message.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketAcceptor.h>
#include <quickfix/SocketInitiator.h>

#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>

static std::mutex out;
static void say(const std::string& line) {
  std::lock_guard<std::mutex> guard(out);
  std::cout << line << std::endl;
}

static std::string typeOf(const FIX::Message& message) {
  FIX::MsgType type;
  message.getHeader().getField(type);
  return type.getValue();
}

static std::string field(const FIX::FieldMap& map, int tag) {
  return map.isSetField(tag) ? map.getField(tag) : std::string("-");
}

static void addGroups(FIX::FieldMap& map, int countTag, const std::string& entries) {
  std::istringstream rest(entries);
  std::string entry;
  while (std::getline(rest, entry, ')')) {
    const int firstTag = std::stoi(entry.substr(1, entry.find('=') - 1));
    FIX::Group group(countTag, firstTag);
    std::istringstream fields(entry.substr(1));
    std::string field;
    while (std::getline(fields, field, ';')) {
      const auto equals = field.find('=');
      group.setField(std::stoi(field.substr(0, equals)), field.substr(equals + 1));
    }
    map.addGroup(countTag, group);
  }
}

static void setFields(FIX::FieldMap& map, const std::string& fields) {
  std::istringstream rest(fields);
  std::string field;
  while (std::getline(rest, field, '|')) {
    const auto equals = field.find('=');
    const int tag = std::stoi(field.substr(0, equals));
    const std::string value = field.substr(equals + 1);
    if (!value.empty() && value[0] == '(') addGroups(map, tag, value);
    else map.setField(tag, value);
  }
}

class Counterpart : public FIX::Application {
 public:
  explicit Counterpart(const std::string& logon) : logon_(logon) {}
  void onCreate(const FIX::SessionID&) override {}
  void onLogon(const FIX::SessionID&) override { say("up"); }
  void onLogout(const FIX::SessionID&) override { say("down"); }
  void toAdmin(FIX::Message& message, const FIX::SessionID&) override {
    if (typeOf(message) == "A") setFields(message, logon_);
    say("sent " + typeOf(message));
  }
  void toApp(FIX::Message& message, const FIX::SessionID&) throw(FIX::DoNotSend) override {
    say("sent " + typeOf(message));
  }
  void fromAdmin(const FIX::Message& message, const FIX::SessionID&) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) override {
    say("admin " + typeOf(message) + " " + field(message, 58));
  }
  void fromApp(const FIX::Message& message, const FIX::SessionID&) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::UnsupportedMessageType) override {
    say("app " + typeOf(message) + " " + field(message, 11) + " " + field(message.getHeader(), 43));
    std::string text = message.toString();
    for (char& each : text)
      if (each == '\001') each = '|';
    say("got " + text);
  }

 private:
  const std::string logon_;
};

static FIX::Message application(const std::string& type, const std::string& id) {
  FIX::Message message;
  message.getHeader().setField(FIX::BeginString("FIX.4.4"));
  message.getHeader().setField(FIX::MsgType(type));
  message.setField(11, id);
  message.setField(55, "HFT");
  message.setField(54, "1");
  message.setField(FIX::TransactTime());
  if (type == "D") {
    message.setField(40, "2");
    message.setField(44, "101.25");
    message.setField(38, "100");
  } else {
    message.setField(37, "O-" + id);
    message.setField(17, "E-" + id);
    message.setField(150, "0");
    message.setField(39, "0");
    message.setField(151, "100");
    message.setField(14, "0");
    message.setField(6, "0");
  }
  return message;
}

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) return 2;
  const std::string role = argv[1], port = argv[2], store = argv[3], sender = argv[4], target = argv[5];
  const bool initiator = role == "initiator";
  std::stringstream text;
  text << "[DEFAULT]\nConnectionType=" << role << "\nUseDataDictionary=N\nStartTime=00:00:00\nEndTime=00:00:00\n"
       << "FileStorePath=" << store << "\nReconnectInterval=1\nHeartBtInt=2\nSocketReuseAddress=Y\n"
       << "[SESSION]\nBeginString=FIX.4.4\nSenderCompID=" << sender << "\nTargetCompID=" << target << "\n";
  if (initiator) text << "SocketConnectHost=127.0.0.1\nSocketConnectPort=" << port << "\n";
  else text << "SocketAcceptPort=" << port << "\n";
  FIX::SessionSettings settings(text);
  Counterpart application_(argc == 7 ? argv[6] : "");
  FIX::FileStoreFactory stores(settings);
  const FIX::SessionID id("FIX.4.4", sender, target);
  std::unique_ptr<FIX::Initiator> dialling;
  std::unique_ptr<FIX::Acceptor> listening;
  if (initiator) {
    dialling.reset(new FIX::SocketInitiator(application_, stores, settings));
    dialling->start();
  } else {
    listening.reset(new FIX::SocketAcceptor(application_, stores, settings));
    listening->start();
  }
  say("listening");
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command, argument;
    words >> command >> argument;
    FIX::Session* session = FIX::Session::lookupSession(id);
    if (command == "order" || command == "exec") {
      FIX::Message message = application(command == "order" ? "D" : "8", argument);
      FIX::Session::sendToTarget(message, id);
    } else if (command == "send") {
      std::string fields;
      words >> fields;
      FIX::Message message;
      message.getHeader().setField(FIX::BeginString("FIX.4.4"));
      message.getHeader().setField(FIX::MsgType(argument));
      setFields(message, fields);
      if (argument != "H" && argument != "AF" && argument[0] != 'U') message.setField(FIX::TransactTime());
      FIX::Session::sendToTarget(message, id);
    } else if (command == "drop") {
      session->disconnect();
    } else if (command == "test") {
      FIX::Message message;
      message.getHeader().setField(FIX::BeginString("FIX.4.4"));
      message.getHeader().setField(FIX::MsgType("1"));
      message.setField(112, argument);
      FIX::Session::sendToTarget(message, id);
    } else if (command == "next-out") {
      session->setNextSenderMsgSeqNum(std::stoi(argument));
      FIX::Message message;
      message.getHeader().setField(FIX::BeginString("FIX.4.4"));
      message.getHeader().setField(FIX::MsgType("4"));
      message.setField(36, std::to_string(std::stoi(argument) + 1));
      FIX::Session::sendToTarget(message, id);
    } else if (command == "logout") {
      session->logout("end of day");
    } else if (command == "stop") {
      break;
    }
    say("done " + command);
  }
  if (dialling) dialling->stop(true);
  if (listening) listening->stop(true);
  return 0;
}
